// bascule_judge: what it costs to read rules and to judge a request by them, with few routes and with many.
//
// Counted in instructions where the kernel lets us (they do not depend on who else uses the machine), else in time.
// Each round asks both sets of rules in turn, and medians are told.
#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "proxy/config/read_rules.hpp"
#include "proxy/policy/judge.hpp"

namespace {

using namespace bascule;
using std::chrono::steady_clock;

constexpr std::size_t few = 10;
constexpr std::size_t many = 5000;
constexpr int requests_asked = 5000;  // different ones, so that routes are as cold as in life
constexpr int rounds = 21;
constexpr int judgements_a_round = 20'000;

// Tenants with a name each, ten routes a tenant: exact paths, captures and a prefix.
std::string rules_text(std::size_t routes) {
  std::string text = "listen: 127.0.0.1:0\nroutes:\n";
  for (std::size_t i = 0; i < routes; ++i) {
    const std::size_t tenant = i / 10;
    const std::string path = i % 10 == 8   ? fmt::format("/desk/{{id:[0-9]+}}/{}", i)
                             : i % 10 == 9 ? std::string("/files/{name}/*")
                                           : fmt::format("/service/{}", i);
    text += fmt::format(
        "  - {{name: route-{}, host: tenant-{}.example.org, path: \"{}\", auth: none, to: \"10.0.{}.{}:5900\"}}\n", i,
        tenant, path, i / 250, 1 + i % 250);
  }
  return text;
}

wire::http::RequestHead request(std::size_t route) {
  wire::http::RequestHead head;
  head.method = "GET";
  head.target = route % 10 == 8   ? fmt::format("/desk/1234/{}", route)
                : route % 10 == 9 ? std::string("/files/ada/deep/below.txt")
                                  : fmt::format("/service/{}", route);
  const std::string host = fmt::format("tenant-{}.example.org", route / 10);
  head.fields = {{"host", host},
                 {"upgrade", "websocket"},
                 {"connection", "Upgrade"},
                 {"origin", "http://" + host},
                 {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="},
                 {"sec-websocket-version", "13"},
                 {"user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"}};
  return head;
}

// Instructions of this thread in user space, or nanoseconds.
class Meter {
 public:
  Meter() {
    perf_event_attr wanted{};
    wanted.type = PERF_TYPE_HARDWARE;
    wanted.size = sizeof wanted;
    wanted.config = PERF_COUNT_HW_INSTRUCTIONS;
    wanted.exclude_kernel = 1;
    wanted.exclude_hv = 1;
    counter_ = static_cast<int>(::syscall(SYS_perf_event_open, &wanted, 0, -1, -1, 0));
  }
  ~Meter() {
    if (counter_ >= 0) { ::close(counter_); }
  }
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

  bool counts_instructions() const { return counter_ >= 0; }
  std::uint64_t read() const {
    std::uint64_t count = 0;
    if (counter_ < 0 || ::read(counter_, &count, sizeof count) != sizeof count) { return 0; }
    return count;
  }

 private:
  int counter_ = -1;
};

struct Cost {
  double nanoseconds = 0;
  double instructions = 0;
};

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

class Asked {
 public:
  explicit Asked(std::size_t routes) {
    const std::string text = rules_text(routes);
    const auto began = steady_clock::now();
    auto reading = config::read_rules(text, "rules.yaml");
    load_ms_ = std::chrono::duration<double, std::milli>(steady_clock::now() - began).count();
    if (!reading) { throw std::runtime_error(reading.error().front().text); }
    rules_ = std::move(reading->rules);
    std::mt19937 random(1);
    for (int i = 0; i < requests_asked; ++i) { requests_.push_back(request(random() % routes)); }
  }

  void round(const Meter& meter) {
    const policy::Visit visit{.listener = rules_.listeners.front().name, .peer = *Address::parse_ip("192.0.2.1", 4711)};
    const auto began = steady_clock::now();
    const std::uint64_t before = meter.read();
    for (int i = 0; i < judgements_a_round; ++i) {
      const auto& head = requests_[static_cast<std::size_t>(i) % requests_.size()];
      const policy::Judgement judgement = policy::judge(rules_, visit, head);
      if (!std::holds_alternative<policy::Admitted>(judgement.verdict)) { throw std::runtime_error("not admitted"); }
    }
    const std::uint64_t after = meter.read();
    const auto took = std::chrono::duration<double, std::nano>(steady_clock::now() - began).count();
    nanoseconds_.push_back(took / judgements_a_round);
    instructions_.push_back(static_cast<double>(after - before) / judgements_a_round);
  }

  Cost cost() const { return {.nanoseconds = median(nanoseconds_), .instructions = median(instructions_)}; }
  double load_ms() const { return load_ms_; }

 private:
  policy::Rules rules_;
  std::vector<wire::http::RequestHead> requests_;
  std::vector<double> nanoseconds_;
  std::vector<double> instructions_;
  double load_ms_ = 0;
};

}  // namespace

int main() {
  try {
    const Meter meter;
    Asked small(few);
    Asked large(many);
    for (int i = 0; i < rounds; ++i) {
      small.round(meter);
      large.round(meter);
    }
    fmt::print("{:>8} {:>12} {:>16} {:>14}\n", "routes", "load, ms", "judging, µs", "instructions");
    for (const auto& [routes, asked] : {std::pair(few, &small), std::pair(many, &large)}) {
      const Cost cost = asked->cost();
      fmt::print("{:>8} {:>12.1f} {:>16.2f} {:>14}\n", routes, asked->load_ms(), cost.nanoseconds / 1000,
                 meter.counts_instructions() ? fmt::format("{:.0f}", cost.instructions) : "not countable");
    }
    fmt::print("ratio of judging: {:.2f} in time", large.cost().nanoseconds / small.cost().nanoseconds);
    if (meter.counts_instructions()) {
      fmt::print(", {:.2f} in instructions", large.cost().instructions / small.cost().instructions);
    }
    fmt::print("; medians of {} rounds of {} judgements\n", rounds, judgements_a_round);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bascule_judge: %s\n", error.what());
    return 1;
  }
}
