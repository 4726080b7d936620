/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An application for the sake of its kernel, which is configured by configs/small_defconfig. */
int main(void)
{
	return 0;
}
