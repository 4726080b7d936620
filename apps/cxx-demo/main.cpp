// SPDX-License-Identifier: MIT OR Apache-2.0
// A C++ program: streams, regular expressions, exceptions, threads, thread-local objects.

#include <condition_variable>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Shouter {
	static int alive;
	Shouter() { alive++; }
	~Shouter() { alive--; }
};
int Shouter::alive;
thread_local Shouter shouter;

int parse(const std::string &text)
{
	auto owned = std::make_unique<Shouter>();
	return std::stoi(text);
}

void exceptions()
{
	std::cout << "parsed " << parse("42") << '\n';
	try {
		parse("forty-two");
	} catch (const std::invalid_argument &e) {
		std::cout << "not a number: " << e.what() << '\n';
	}
	std::exception_ptr carried;
	std::thread([&] {
		try {
			throw std::runtime_error("from another thread");
		} catch (...) {
			carried = std::current_exception();
		}
	}).join();
	try {
		std::rethrow_exception(carried);
	} catch (const std::exception &e) {
		std::cout << "carried: " << e.what() << '\n';
	}
}

void regular_expressions()
{
	const std::regex pair(R"((\w+)\s*=\s*(\d+))");
	const std::string text = "one = 1, two=2, three =3";
	std::map<std::string, int> found;

	for (std::sregex_iterator i(text.begin(), text.end(), pair), end; i != end; ++i)
		found[(*i)[1]] = std::stoi((*i)[2]);
	for (const auto &[name, value] : found)
		std::cout << name << " -> " << value << '\n';
}

void threads()
{
	std::mutex mutex;
	std::condition_variable all_done;
	int done = 0;
	long sum = 0;
	std::vector<std::thread> workers;

	for (int i = 0; i < 8; i++)
		workers.emplace_back([&, i] {
			static_cast<void>(&shouter);
			std::lock_guard<std::mutex> lock(mutex);
			sum += i;
			if (++done == 8)
				all_done.notify_one();
		});
	{
		std::unique_lock<std::mutex> lock(mutex);
		all_done.wait(lock, [&] { return done == 8; });
	}
	for (auto &worker : workers)
		worker.join();
	std::cout << "sum " << sum << ", objects left in threads " << Shouter::alive << '\n';
}

} // namespace

int main()
{
	std::ostringstream line;

	line << "pi is about " << 3.14159 << ", " << std::hex << std::showbase << 255;
	std::cout << line.str() << std::endl;
	exceptions();
	regular_expressions();
	threads();
}
