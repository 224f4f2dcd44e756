// bascule_micro: what single steps cost in time, by Google Benchmark: unmasking, decoding, parsing a head, judging,
// passing messages on; and reading and asking rules, few and many.
//
// Whoever compares two builds by it wants --benchmark_repetitions; scripts/bench micro does so. What no busy machine
// changes is counted by test/work/hot_paths.py, on the same paths.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "proxy/config/read_rules.hpp"
#include "proxy/policy/judge.hpp"
#include "test/work/paths.hpp"

namespace {

using namespace bascule;

constexpr std::size_t few = 10;
constexpr std::size_t many = 5000;
constexpr std::size_t requests_asked = 5000;   // different ones, so that routes are as cold as in life
constexpr std::int64_t walked_at_once = 1000;  // what a path prepares is shared by so many walks

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

config::Reading reading_of(const std::string& text) {
  auto reading = config::read_rules(text, "rules.yaml");
  if (!reading) { throw std::runtime_error(reading.error().front().text); }
  return std::move(*reading);
}

void read_rules(benchmark::State& state) {
  const std::string text = rules_text(static_cast<std::size_t>(state.range(0)));
  for ([[maybe_unused]] const auto step : state) { benchmark::DoNotOptimize(reading_of(text)); }
}

void judge_of(benchmark::State& state) {
  const auto routes = static_cast<std::size_t>(state.range(0));
  const config::Reading reading = reading_of(rules_text(routes));
  std::vector<wire::http::RequestHead> requests;
  std::mt19937 random(1);
  while (requests.size() < requests_asked) { requests.push_back(request(random() % routes)); }
  const policy::Visit visit{.listener = reading.rules.listeners.front().name,
                            .peer = *Address::parse_ip("192.0.2.1", 4711)};
  std::size_t next = 0;
  for ([[maybe_unused]] const auto step : state) {
    const policy::Judgement judgement = policy::judge(reading.rules, visit, requests[next++ % requests.size()]);
    if (!std::holds_alternative<policy::Admitted>(judgement.verdict)) { throw std::runtime_error("not admitted"); }
  }
}

BENCHMARK(judge_of)->Name("judge, of so many routes")->Arg(few)->Arg(many);
BENCHMARK(read_rules)->Name("read rules, so many routes")->Arg(few)->Arg(many)->Unit(benchmark::kMillisecond);

}  // namespace

int main(int count, char** words) {
  for (const work::Path& path : work::paths()) {
    benchmark::RegisterBenchmark(std::string(path.name).c_str(), [path](benchmark::State& state) {
      while (state.KeepRunningBatch(walked_at_once)) { path.walk(walked_at_once); }
    });
  }
  benchmark::Initialize(&count, words);
  if (benchmark::ReportUnrecognizedArguments(count, words)) { return 2; }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
