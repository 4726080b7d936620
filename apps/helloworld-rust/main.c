/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The C side: main() calls the entry point that the Rust library exports. */

int hello_world(void);

int main(void)
{
	return hello_world();
}
