/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: load
//@ with: gcc musl-gcc
//@ status: 42
/* C, one thread: formatted numbers, mathematics, sorting, jumps, signals, time, a big static array.
 */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static uint32_t big[1 << 20];
static double table[5] = {0.5, 1.25, -3.75, 1e10, -1e-10};
static volatile sig_atomic_t caught;
static sigjmp_buf back;

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void on_signal(int sig)
{
	caught = sig;
}

static void on_fault(int sig)
{
	siglongjmp(back, sig);
}

int main(void)
{
	uint32_t x = 1;
	uint64_t sum = 0;
	char text[200];
	struct tm tm;
	time_t when = 1000000000;

	for (int i = 0; i < 5; i++)
		printf("%g %.17g %a %+08.3f\n", table[i], sqrt(fabs(table[i])),
		       exp(-table[i] / 1e10), cos(table[i]));
	for (unsigned i = 0; i < 1 << 20; i++)
		big[i] = x = x * 1664525 + 1013904223;
	qsort(big, 1 << 20, sizeof(*big), compare);
	for (unsigned i = 0; i < 1 << 20; i += 1000)
		sum = sum * 31 + big[i];
	printf("sorted: %llx\n", (unsigned long long)sum);
	signal(SIGUSR1, on_signal);
	raise(SIGUSR1);
	printf("caught %d\n", caught);
	signal(SIGSEGV, on_fault);
	caught = sigsetjmp(back, 1);
	if (!caught)
		*(volatile int *)16 = 1;
	printf("back from %d\n", caught);
	gmtime_r(&when, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	printf("%s %ld\n", text, (long)mktime(&tm));
	printf("%d %d\n", time(NULL) > 1700000000, clock() >= 0);
	snprintf(text, sizeof(text), "%s/%05d/%c/%-8s|%*d", "a", 42, 'z', "left", 6, -7);
	puts(text);
	printf("%ld %f %s\n", strtol("0x7fz", NULL, 0), strtod("1e-3", NULL),
	       strstr("haystack", "st"));
	fprintf(stderr, "to standard error\n");
	return 42;
}
