/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The embed route's main(): C around a Rust static library. */
int embed_run(void);

int main(void)
{
	return embed_run();
}
