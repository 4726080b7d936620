/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Unit tests of the kiln command's pieces, linked with its objects (but for main) under sanitizers.
 * Prints `ok NAME` or `not ok NAME: FILE:LINE CONDITION` for each.
 */
#include "util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cc.h"
#include "cmdline.h"
#include "image.h"
#include "json.h"
#include "opts.h"
#include "relay.h"

static const char *failure;
static char failure_text[256];

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition) && !failure) {                                                    \
			snprintf(failure_text, sizeof(failure_text), "line %d: %s", __LINE__,      \
				 #condition);                                                      \
			failure = failure_text;                                                    \
		}                                                                                  \
	} while (0)

static bool same(const struct strv *list, const char *words)
{
	struct buf b = {0};

	buf_adds(&b, "");
	for (size_t i = 0; i < list->n; i++)
		buf_addf(&b, "%s%s", i ? " " : "", list->v[i]);
	bool equal = !strcmp(b.p, words);

	if (!equal)
		fprintf(stderr, "got:    %s\nwanted: %s\n", b.p, words);
	buf_free(&b);
	return equal;
}

static void numbers_are_read_up_to_their_limit(void)
{
	uint64_t n = 0;

	CHECK(parse_number("0", 0, &n) && n == 0);
	CHECK(parse_number("18446744073709551615", UINT64_MAX, &n) && n == UINT64_MAX);
	CHECK(!parse_number("18446744073709551616", UINT64_MAX, &n));
	CHECK(parse_number("255", 255, &n) && n == 255);
	CHECK(!parse_number("256", 255, &n) && !parse_number("9", 8, &n));
	CHECK(!parse_number("", 9, &n) && !parse_number("1x", 9, &n) && !parse_number("-1", 9, &n));
}

static void sizes_have_units(void)
{
	uint64_t n = 0;

	CHECK(parse_size("1k", &n) && n == 1024);
	CHECK(parse_size("3", &n) && n == 3u << 20);
	CHECK(parse_size("2GiB", &n) && n == UINT64_C(2) << 30);
	CHECK(parse_size("1T", &n) && n == UINT64_C(1) << 40);
	CHECK(!parse_size("8388608T", &n) && !parse_size("1E", &n) && !parse_size("1Mb", &n));
}

static void shell_words_are_quoted_when_needed(void)
{
	struct strv v = {0};

	strv_add_all(&v, "plain-1.0", "", "two words", "it's", "$HOME", NULL);
	char *s = shell_join(&v);

	CHECK(!strcmp(s, "plain-1.0 '' 'two words' 'it'\\''s' '$HOME'"));
	free(s);
	strv_free(&v);
}

static void edit_distances(void)
{
	CHECK(edit_distance("", "") == 0 && edit_distance("abc", "abc") == 0);
	CHECK(edit_distance("abc", "") == 3 && edit_distance("", "ab") == 2);
	CHECK(edit_distance("memry", "memory") == 1 && edit_distance("kitten", "sitting") == 3);
}

static void command_line_tokens_are_encoded(void)
{
	struct buf b = {0};

	cmdline_encode(&b, "a b%\n\x7f\xff=--");
	CHECK(!strcmp(b.p, "a%20b%25%0A%7F%FF=--"));
	buf_free(&b);
}

static void exit_line_is_taken_from_the_end(void)
{
	static const struct {
		const char *log;
		int status;
		const char *rest;
	} cases[] = {
		{"kiln: exit 7\n", 7, ""},
		{"kiln: exit 007\r\n\n", 7, ""},
		{"a\nkiln: exit 139\n", 139, "a\n"},
		{"kiln: exit 1\nafter\n", -1, "kiln: exit 1\nafter\n"},
		{"kiln: exit\n", -1, "kiln: exit\n"},
		{"kiln: exit 1x\n", -1, "kiln: exit 1x\n"},
		{"say kiln: exit 1\n", -1, "say kiln: exit 1\n"},
		{"kiln: exit 99999999999999999999", -1, "kiln: exit 99999999999999999999"},
		{"\n\n", -1, "\n\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf log = {0};

		buf_adds(&log, cases[i].log);
		CHECK(relay_take_exit(&log) == cases[i].status);
		CHECK(log.len == strlen(cases[i].rest) && !memcmp(log.p, cases[i].rest, log.len));
		buf_free(&log);
	}
	struct buf none = {0};

	CHECK(relay_take_exit(&none) == -1);
}

static void json_values_are_found(void)
{
	struct json *j = json_parse(
		" {\"a\": [1, \"x\\u00e9\\ud83d\\ude00\\n\", {\"b\": true}], \"e\": {},\n"
		"\"n\": null, \"s\": \"\\\"\\\\\", \"f\": false, \"z\": []} ");

	CHECK(j && json_has(json_get(j, "a"), "x\xc3\xa9\xf0\x9f\x98\x80\n"));
	CHECK(j && !strcmp(json_string(j, "s"), "\"\\"));
	CHECK(!json_string(j, "n") && !json_string(j, "a") && !json_get(j, "q"));
	CHECK(!json_is_true(j, "f") && json_is_true(json_get(j, "a")->first->next->next, "b"));
	CHECK(!json_get(NULL, "a") && !json_string(NULL, "a") && !json_has(NULL, "a"));
	json_free(j);
}

static void broken_json_is_refused(void)
{
	static const char *const texts[] = {
		"",           "{",
		"[",          "[1",
		"[1,",        "[1,]",
		"{\"a\"}",    "{\"a\":}",
		"{\"a\":1,}", "{a:1}",
		"\"",         "\"\\",
		"\"\\u12",    "\"\\ud83d\\u12",
		"\"\\q\"",    "nul",
		"1 2",        "{\"a\":1 \"b\":2}",
		"tru",        "{}x",
		"}",          ",",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct json *j = json_parse(texts[i]);

		if (j)
			fprintf(stderr, "taken: %s\n", texts[i]);
		CHECK(!j);
		json_free(j);
	}
	char deep[2 * JSON_DEPTH_MAX + 3];

	memset(deep, '[', JSON_DEPTH_MAX + 1);
	memset(deep + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
	deep[sizeof(deep) - 1] = '\0';
	CHECK(!json_parse(deep));
	deep[sizeof(deep) - 2] = '\0';
	struct json *j = json_parse(deep + 1);

	CHECK(j);
	json_free(j);
}

static void mutated_json_does_no_harm(void)
{
	static const char text[] =
		"{\"reason\":\"compiler-artifact\",\"target\":{\"kind\":[\"bin\"]},"
		"\"executable\":\"\\u00e9/x\",\"fresh\":true,\"n\":-1.5e3}";
	char copy[sizeof(text)];

	srand(1);
	for (int i = 0; i < 20000; i++) {
		memcpy(copy, text, sizeof(text));
		for (int n = rand() % 4; n >= 0; n--)
			copy[(size_t)rand() % (sizeof(text) - 1)] =
				"{}[]\",:\\u0\n\x01\xff"[rand() % 13];
		json_free(json_parse(copy));
	}
}

static void parse_cc(struct cc *cc, const char *line)
{
	struct strv words = {0};
	char *copy = xstrdup(line);

	for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
		strv_add(&words, w);
	*cc = (struct cc){0};
	char *none[] = {NULL};

	cc_parse(cc, words.n ? words.v : none);
	strv_free(&words);
	free(copy);
}

static void rustc_link_line_is_reduced_to_the_program(void)
{
	struct cc cc;

	parse_cc(
		&cc,
		"-m64 /s/self-contained/rcrt1.o /s/self-contained/crti.o "
		"/s/self-contained/crtbeginS.o "
		"/tmp/symbols.o main.rcgu.o -Wl,--as-needed -Wl,-Bstatic /s/libstd-1.rlib "
		"/s/libcompiler_builtins-1.rlib -lunwind -lc -Wl,--eh-frame-hdr -Wl,-z,noexecstack "
		"-nostartfiles -L /s/lib -L/s/self-contained -o out -Wl,--gc-sections -static-pie "
		"-Wl,-z,relro,-z,now -nodefaultlibs -lgcc_eh -lgcc -lfoo "
		"/s/self-contained/crtendS.o "
		"/s/self-contained/crtn.o");
	CHECK(cc.mode == CC_LINK && !strcmp(cc.output, "out") && !cc.fixed_code && !cc.sources.n);
	CHECK(same(&cc.items,
		   "/tmp/symbols.o main.rcgu.o --as-needed /s/libstd-1.rlib "
		   "/s/libcompiler_builtins-1.rlib --eh-frame-hdr -z noexecstack -L/s/lib "
		   "-L/s/self-contained --gc-sections -z relro -z now -lfoo"));
	cc_free(&cc);
}

static void linker_options_without_use_are_dropped(void)
{
	struct cc cc;

	parse_cc(&cc, "a.o -fuse-ld=lld -B/x -rdynamic -Wl,--dynamic-linker,/lib/ld.so "
		      "-Wl,--version-script=v "
		      "-Wl,--dynamic-list,d -Xlinker -rpath -Xlinker /y -Wl,-rpath=/z "
		      "-Wl,--export-dynamic "
		      "-Wl,--icf=all -Wl,-Bdynamic -pie -Wl,-e,start -s -Wl,-Map=m -u sym "
		      "-Wl,--defsym=a=b");
	CHECK(same(&cc.items, "a.o -s -Map=m -u sym --defsym=a=b"));
	cc_free(&cc);
	parse_cc(&cc, "a.o -no-pie -shared -r -lstdc++");
	CHECK(cc.fixed_code && cc.shared && cc.relocatable && cc.cxx_library);
	cc_free(&cc);
}

static void sources_and_compile_options_are_told_apart(void)
{
	struct cc cc;

	parse_cc(&cc, "-O2 -I inc -DX=1 -D Y a.c b.o c.cpp -x c d.txt -x none e.S -Wall -std=c11 "
		      "-lm -o p");
	CHECK(cc.mode == CC_LINK && same(&cc.sources, "a.c c.cpp d.txt e.S"));
	CHECK(same(&cc.compile, "-O2 -I inc -DX=1 -D Y -Wall -std=c11"));
	CHECK(same(&cc.items, "a.c b.o c.cpp d.txt e.S"));
	cc_free(&cc);
	parse_cc(&cc, "-c a.c -o a.o");
	CHECK(cc.mode == CC_COMPILE);
	cc_free(&cc);
	parse_cc(&cc, "--version");
	CHECK(cc.mode == CC_QUERY);
	cc_free(&cc);
	parse_cc(&cc, "");
	CHECK(cc.mode == CC_QUERY);
	cc_free(&cc);
}

static void response_files_are_read(void)
{
	char path[] = "/tmp/kiln-pieces-XXXXXX", at[sizeof(path) + 1];
	int fd = mkstemp(path);
	static const char text[] = "a.o \"two words.o\"\n'it''s.o' back\\ slash.o\n-o\tout \\";
	struct cc cc;

	CHECK(fd >= 0 && write(fd, text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1);
	close(fd);
	snprintf(at, sizeof(at), "@%s", path);
	parse_cc(&cc, at);
	CHECK(same(&cc.items, "a.o two words.o its.o back slash.o \\"));
	CHECK(cc.output && !strcmp(cc.output, "out"));
	cc_free(&cc);
	unlink(path);
	parse_cc(&cc, "@/no/such/file");
	CHECK(same(&cc.items, "@/no/such/file"));
	cc_free(&cc);
}

static void options_come_in_all_spellings(void)
{
	static const struct opt table[] = {{1, "flag", 'f', NULL},
					   {2, "value", 'v', "X"},
					   {3, NULL, 'Z', "X"},
					   {0, NULL, 0, NULL}};
	char words[][16] = {"--flag", "--value", "1",   "--value=2", "-v3", "-v", "4", "-fv",
			    "5",      "-ff",     "-Z6", "-",         "op",  "--", "-f"};
	char *argv[ARRAY_SIZE(words) + 1];
	struct opts o = {.command = "test", .tables = {table}, .argv = argv};
	struct buf seen = {0};
	int id;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		argv[i] = words[i];
	argv[ARRAY_SIZE(words)] = NULL;
	while ((id = opts_next(&o)) != OPT_END)
		buf_addf(&seen, "%d%s ", id, o.value ? o.value : "");
	CHECK(!strcmp(seen.p, "1 21 22 23 24 1 25 1 1 36 -1- -1op "));
	CHECK(*o.argv && !strcmp(*o.argv, "-f"));
	buf_free(&seen);
}

/* argv[1]: an image. */
static const char *image_path;

static void mutated_images_are_inspected(void)
{
	struct buf data = {0};
	char path[] = "/tmp/kiln-pieces-XXXXXX", chunk[4096];
	FILE *f = fopen(image_path, "rb");
	int fd = mkstemp(path);
	size_t n;

	while (f && (n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&data, chunk, n);
	if (f)
		fclose(f);
	CHECK(fd >= 0 && data.len > 4096);
	srand(2);
	for (int i = 0; i < 5000 && !failure; i++) {
		struct image image;
		char *why = NULL, saved[8];
		size_t at[8], changes = 1 + (size_t)rand() % 8;

		for (size_t c = 0; c < changes; c++) {
			at[c] = (size_t)rand() % (rand() % 4 ? 600 : data.len);
			saved[c] = data.p[at[c]];
			data.p[at[c]] = (char)rand();
		}
		size_t length = rand() % 8 ? data.len : (size_t)rand() % data.len;

		CHECK(pwrite(fd, data.p, length, 0) == (ssize_t)length &&
		      !ftruncate(fd, (off_t)length));
		CHECK(!image_inspect(path, &image, &why) == !why);
		free(why);
		for (size_t c = changes; c-- > 0;)
			data.p[at[c]] = saved[c];
	}
	buf_free(&data);
	close(fd);
	unlink(path);
}

#define TEST(name)                                                                                 \
	{                                                                                          \
#name, name                                                                        \
	}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	TEST(numbers_are_read_up_to_their_limit),
	TEST(sizes_have_units),
	TEST(shell_words_are_quoted_when_needed),
	TEST(edit_distances),
	TEST(command_line_tokens_are_encoded),
	TEST(exit_line_is_taken_from_the_end),
	TEST(json_values_are_found),
	TEST(broken_json_is_refused),
	TEST(mutated_json_does_no_harm),
	TEST(rustc_link_line_is_reduced_to_the_program),
	TEST(linker_options_without_use_are_dropped),
	TEST(sources_and_compile_options_are_told_apart),
	TEST(response_files_are_read),
	TEST(options_come_in_all_spellings),
	TEST(mutated_images_are_inspected),
};

int main(int argc, char **argv)
{
	int failed = 0;

	if (argc != 2)
		return 2;
	image_path = argv[1];
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		failure = NULL;
		tests[i].run();
		printf("%s %s%s%s\n", failure ? "not ok" : "ok", tests[i].name, failure ? ": " : "",
		       failure ? failure : "");
		failed += failure != NULL;
	}
	return failed != 0;
}
