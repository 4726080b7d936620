// SPDX-License-Identifier: MIT OR Apache-2.0
//@ suite: load
//@ with: g++
//@ status: 3
// C++: streams, containers, regular expressions, exceptions through threads, futures, virtual calls, static destructors.
#include <algorithm>
#include <future>
#include <iomanip>
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

struct Shape {
	virtual ~Shape() = default;
	virtual double area() const = 0;
};
struct Square : Shape {
	double a;
	explicit Square(double side) : a(side) {}
	double area() const override { return a * a; }
};
struct Circle : Shape {
	double r;
	explicit Circle(double radius) : r(radius) {}
	double area() const override { return 3.25 * r * r; }
};

static struct Last {
	~Last() { std::cout << "static destructor" << std::endl; }
} last;

static int checked(int n)
{
	if (n % 7 == 3)
		throw std::out_of_range("bad " + std::to_string(n));
	return n * n;
}

int main()
{
	std::vector<std::unique_ptr<Shape>> shapes;
	for (int i = 1; i <= 10; i++) {
		if (i % 2)
			shapes.push_back(std::make_unique<Square>(i));
		else
			shapes.push_back(std::make_unique<Circle>(i));
	}
	double sum = std::accumulate(shapes.begin(), shapes.end(), 0.0,
				     [](double s, const auto &p) { return s + p->area(); });
	std::cout << std::fixed << std::setprecision(3) << sum << '\n';

	std::map<std::string, int> found;
	std::string text = "alpha=1 beta=22 gamma=333 delta=x epsilon=5";
	std::regex pair("([a-z]+)=([0-9]+)");
	for (auto i = std::sregex_iterator(text.begin(), text.end(), pair); i != std::sregex_iterator(); ++i)
		found[(*i)[1]] = std::stoi((*i)[2]);
	for (auto &[name, value] : found)
		std::cout << std::setw(8) << name << ' ' << value << '\n';

	std::vector<std::future<int>> jobs;
	for (int i = 0; i < 20; i++)
		jobs.push_back(std::async(std::launch::async, checked, i));
	int good = 0;
	for (auto &j : jobs) {
		try {
			good += j.get();
		} catch (const std::exception &e) {
			std::cout << e.what() << '\n';
		}
	}
	std::cout << good << '\n';

	std::mutex lock;
	long total = 0;
	std::vector<std::thread> threads;
	for (int i = 0; i < 8; i++)
		threads.emplace_back([&, i] {
			for (int k = 0; k < 1000; k++) {
				std::lock_guard<std::mutex> guard(lock);
				total += i * k;
			}
		});
	for (auto &t : threads)
		t.join();
	std::ostringstream out;
	out << std::hex << total;
	std::cout << out.str() << std::endl;
	return 3;
}
