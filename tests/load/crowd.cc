/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* C++ with many threads: futures, exceptions that cross threads, thread_local destructors, reader-writer locks and maps
 * that grow in all threads at once. */
//@ suite: load
//@ with: g++
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

static std::atomic<int> gone;

struct Counter {
	int n = 0;
	~Counter() { gone += n; }
};
static thread_local Counter counter;

static uint64_t next(uint64_t &x)
{
	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

/* A queue between many threads. */
template <class T> class Channel {
	std::mutex lock;
	std::condition_variable some;
	std::deque<T> items;
	bool closed = false;

public:
	void push(T item)
	{
		std::lock_guard<std::mutex> guard(lock);
		items.push_back(std::move(item));
		some.notify_one();
	}
	void close()
	{
		std::lock_guard<std::mutex> guard(lock);
		closed = true;
		some.notify_all();
	}
	bool pop(T &item)
	{
		std::unique_lock<std::mutex> guard(lock);
		some.wait(guard, [this] { return closed || !items.empty(); });
		if (items.empty())
			return false;
		item = std::move(items.front());
		items.pop_front();
		return true;
	}
};

static size_t words_of(unsigned seed)
{
	std::unordered_map<std::string, unsigned> words;
	uint64_t x = seed + 1;

	for (int i = 0; i < 5000; i++) {
		std::string word(next(x) % 40 + 1, static_cast<char>('a' + next(x) % 3));
		words[word]++;
		counter.n++;
	}
	return words.size();
}

static uint64_t through_channels(unsigned workers, unsigned jobs)
{
	Channel<std::unique_ptr<std::vector<unsigned>>> todo;
	Channel<uint64_t> sums;
	std::vector<std::thread> threads;
	uint64_t all = 0, sum;

	for (unsigned i = 0; i < workers; i++)
		threads.emplace_back([&] {
			std::unique_ptr<std::vector<unsigned>> job;

			while (todo.pop(job))
				sums.push(std::accumulate(job->begin(), job->end(), uint64_t{0}));
		});
	for (unsigned i = 0; i < jobs; i++) {
		auto job = std::make_unique<std::vector<unsigned>>(i);

		std::iota(job->begin(), job->end(), 1u);
		todo.push(std::move(job));
	}
	todo.close();
	for (auto &t : threads)
		t.join();
	sums.close();
	while (sums.pop(sum))
		all += sum;
	return all;
}

static void readers_and_writers()
{
	std::map<int, int> squares;
	std::shared_mutex lock;
	std::atomic<int> wrong{0};
	std::vector<std::thread> threads;

	for (int t = 0; t < 4; t++)
		threads.emplace_back([&, t] {
			for (int i = t; i < 400; i += 4) {
				std::unique_lock<std::shared_mutex> guard(lock);
				squares[i] = i * i;
			}
		});
	for (int t = 0; t < 4; t++)
		threads.emplace_back([&] {
			for (int i = 0; i < 400; i++) {
				std::shared_lock<std::shared_mutex> guard(lock);
				auto it = squares.find(i);
				wrong += it != squares.end() && it->second != i * i;
			}
		});
	for (auto &t : threads)
		t.join();
	std::cout << squares.size() << " squares, " << wrong << " wrong\n";
}

int main()
{
	std::vector<std::future<size_t>> futures;
	std::once_flag once;
	int initialised = 0;

	for (unsigned i = 0; i < 12; i++)
		futures.push_back(std::async(std::launch::async, [&, i] {
			std::call_once(once, [&] { initialised++; });
			if (i % 5 == 4)
				throw std::runtime_error("future " + std::to_string(i));
			return words_of(i);
		}));
	for (auto &f : futures) {
		try {
			std::cout << f.get() << ' ';
		} catch (const std::runtime_error &e) {
			std::cout << '[' << e.what() << "] ";
		}
	}
	std::cout << "\nonce: " << initialised << ", thread_local: " << gone << '\n';
	std::cout << "sums: " << through_channels(6, 300) << '\n';
	readers_and_writers();
	return 0;
}
