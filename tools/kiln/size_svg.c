/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The picture of kiln size: a treemap. A column for each group, as wide as it is large, and in it a
 * box for each part, as high as it is large; so areas are sizes.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "size.h"

enum { WIDTH = 1200, HEIGHT = 700, HEAD = 30, LABEL_HEIGHT = 14, CHAR_WIDTH = 7 };

static const char *const group_colours[GROUPS] = {"#e8a87c", "#85cdca", "#a7c7e7", "#d3d3d3"};

static void text_write(FILE *f, const char *s)
{
	for (; *s; s++) {
		if (*s == '<')
			fputs("&lt;", f);
		else if (*s == '&')
			fputs("&amp;", f);
		else if ((unsigned char)*s >= ' ')
			fputc(*s, f);
	}
}

static void box_write(FILE *f, const struct size_part *part, double x, double y, double width,
		      double height)
{
	fprintf(f, "<g><title>");
	text_write(f, part->name);
	fprintf(f,
		": %" PRIu64 " bytes (code %" PRIu64 ", constants %" PRIu64 ", data %" PRIu64
		")</title><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\" "
		"stroke=\"white\"/>",
		size_part_bytes(part), part->bytes[KIND_CODE], part->bytes[KIND_CONSTANT],
		part->bytes[KIND_DATA], x, y, width, height, group_colours[part->group]);
	if (height >= LABEL_HEIGHT) {
		fprintf(f, "<text x=\"%.1f\" y=\"%.1f\">", x + 4, y + 11);
		if (width > 8 * CHAR_WIDTH)
			text_write(f, part->name);
		if (width > 24 * CHAR_WIDTH)
			fprintf(f, " %" PRIu64, size_part_bytes(part));
		fputs("</text>", f);
	}
	fputs("</g>\n", f);
}

static uint64_t group_bytes(const struct size_parts *parts, size_t first, size_t *end)
{
	uint64_t sum = 0;

	for (*end = first; *end < parts->n && parts->v[*end].group == parts->v[first].group; ++*end)
		sum += size_part_bytes(&parts->v[*end]);
	return sum;
}

int size_svg_write(const char *file, const char *title, const struct size_parts *parts)
{
	FILE *f = fopen(file, "we");
	uint64_t all = 0;
	double x = 0;

	if (!f)
		return -errno;
	for (size_t i = 0; i < parts->n; i++)
		all += size_part_bytes(&parts->v[i]);
	fprintf(f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		"font-family=\"sans-serif\" font-size=\"11\">\n<text x=\"4\" y=\"20\" "
		"font-size=\"15\">",
		WIDTH, HEIGHT + HEAD);
	text_write(f, title);
	fprintf(f, ": %" PRIu64 " bytes loaded</text>\n", all);
	for (size_t i = 0, end; i < parts->n && all; i = end) {
		uint64_t bytes = group_bytes(parts, i, &end);
		double width = WIDTH * (double)bytes / (double)all, y = HEAD;

		for (size_t k = i; k < end && bytes; k++) {
			double height = HEIGHT * (double)size_part_bytes(&parts->v[k]) /
					(double)bytes;

			box_write(f, &parts->v[k], x, y, width, height);
			y += height;
		}
		x += width;
	}
	fputs("</svg>\n", f);
	if (ferror(f) | fclose(f))
		return errno ? -errno : -EIO;
	return 0;
}
