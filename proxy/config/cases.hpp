// Cases of `bascule test`: visits as an operator describes them, and what he expects of his rules. A file of them is a
// YAML list:
//
//   - {url: wss://desk.example.org/desk/7, origin: same, client: 192.0.2.7, expect: admitted to desk}
//   - {url: wss://desk.example.org/desk/7, origin: https://evil.example, expect: refused at origin with 403}
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/result.hpp"
#include "proxy/config/read_rules.hpp"
#include "proxy/policy/judge.hpp"

namespace bascule::config {

// A visit in words; nothing of it has been understood yet.
struct DescribedVisit {
  std::string url;
  std::optional<std::string> origin{};  // as sent; "same": that of the url; empty: none is sent
  std::optional<std::string> client{};  // an address, or "unix"
  std::optional<std::string> as{};      // "ada:support,admins"
  std::vector<std::pair<std::string, std::string>> headers{};
  std::vector<std::string> protocols{};   // subprotocols offered
  std::optional<std::string> listener{};  // empty: the one that the url fits
};

// "admitted to ROUTE [at ADDRESS]", "refused at STEP [with STATUS]", "redirected [to URL]".
struct Expectation {
  enum class End : std::uint8_t { admitted, refused, redirected };
  std::string written{};
  End end = End::refused;
  std::string route{};                     // admitted
  std::optional<std::string> address{};    // admitted: where it leads
  policy::Step step = policy::Step::head;  // refused
  std::optional<int> status{};             // refused
  std::optional<std::string> location{};   // redirected
};

struct Case {
  policy::Place place;
  DescribedVisit visit;
  Expectation expect;
};

Result<std::vector<Case>, Mistakes> read_cases_file(const std::string& path);
Result<std::vector<Case>, Mistakes> read_cases(std::string_view text, const std::string& file);

struct BadExpectation {
  std::string text;
};
Result<Expectation, BadExpectation> parse_expectation(std::string_view text);

}  // namespace bascule::config
