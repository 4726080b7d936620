/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: load
//@ with: gcc musl-gcc
/* C, many threads: creation, keys with destructors, condition variables, semaphores, barriers,
 * cancellation, once. */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define THREADS 300

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static sem_t slots;
static __thread long local = 5;
static long whose, total, destroyed, initialised, in_slots, most_in_slots;

static void on_once(void)
{
	initialised++;
}

static void on_destroy(void *value)
{
	__atomic_add_fetch(&destroyed, (long)value, __ATOMIC_SEQ_CST);
}

static void *short_thread(void *arg)
{
	pthread_once(&once, on_once);
	pthread_setspecific(key, arg);
	local += (long)arg;
	sem_wait(&slots);
	pthread_mutex_lock(&lock);
	in_slots++;
	most_in_slots = in_slots > most_in_slots ? in_slots : most_in_slots;
	total += local;
	pthread_mutex_unlock(&lock);
	sched_yield();
	pthread_mutex_lock(&lock);
	in_slots--;
	pthread_mutex_unlock(&lock);
	sem_post(&slots);
	return (void *)local;
}

static void *turn_thread(void *arg)
{
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < 100; i++) {
		pthread_mutex_lock(&lock);
		while (whose % 5 != (long)arg)
			pthread_cond_wait(&turn, &lock);
		whose++;
		pthread_cond_broadcast(&turn);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static void *endless_thread(void *arg)
{
	(void)arg;
	for (;;)
		pause();
}

int main(void)
{
	pthread_t t[THREADS];
	void *result;
	long sum = 0;

	pthread_key_create(&key, on_destroy);
	sem_init(&slots, 0, 4);
	pthread_barrier_init(&barrier, NULL, 5);
	for (long i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, short_thread, (void *)i))
			return 1;
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], &result);
		sum += (long)result;
	}
	printf("%ld %ld %ld %ld %d\n", sum, total, destroyed, initialised, most_in_slots <= 4);
	for (long i = 0; i < 5; i++)
		pthread_create(&t[i], NULL, turn_thread, (void *)i);
	for (int i = 0; i < 5; i++)
		pthread_join(t[i], NULL);
	printf("turns %ld, own %ld\n", whose, local);
	pthread_create(&t[0], NULL, endless_thread, NULL);
	usleep(10000);
	pthread_cancel(t[0]);
	pthread_join(t[0], &result);
	printf("cancelled %d\n", result == PTHREAD_CANCELED);
	return 0;
}
