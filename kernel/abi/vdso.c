/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Give a loaded program its vDSO (abi/vdso): the page with the clock's numbers, and behind it the
 * code. */
#include "plat/vdso.h"
#include "abi/program.h"
#include "core/vma_program.h"

extern const char vdso_image[], vdso_image_end[];

vaddr_t program_map_vdso(void)
{
	size_t code_bytes = (size_t)(vdso_image_end - vdso_image);
	vaddr_t start = vma_program_gap(PAGE_SIZE + code_bytes), code = start + PAGE_SIZE;

	plat->load->vdso_init(&vdso_page.data);
	if (start == 0 ||
	    vma_program_map_image(start, &vdso_page, PAGE_SIZE, PROT_READ, "[vvar]") != 0 ||
	    vma_program_map_image(code, vdso_image, code_bytes, PROT_READ | PROT_EXEC, "[vdso]") !=
		    0)
		program_fail("no memory for its vDSO: give the machine more");
	return code;
}
