// What the verbs say to machines, as JSON: with `--json`, and between a command and the running process.
//
// All JSON of this room is behind this header, for it compiles slowly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/app/changes.hpp"
#include "proxy/base/result.hpp"
#include "proxy/base/time.hpp"
#include "proxy/config/read_rules.hpp"
#include "proxy/observe/record.hpp"

namespace bascule::app {

struct Explanation;
struct CaseOutcome;

// A mistake or a warning as it is printed: "rules.yaml:12:5: unknown key ..."
std::string line_of(const config::Mistake& mistake);

// --- with --json ---

std::string json_of_check(const config::Mistakes& mistakes, const config::Mistakes& warnings, std::size_t listeners,
                          std::size_t routes);
std::string json_of_explanation(const Explanation& explanation);
std::string json_of_test(const std::vector<CaseOutcome>& outcomes);
std::string json_of_rules(const std::string& yaml);  // what `show` prints, as JSON: every value a text, a list or a map
std::string json_of_hash(const std::string& hash, const std::optional<std::string>& user);  // of a password
std::string json_of_ticket(const std::string& ticket, WallTime expires);

// --- what a process is asked ---

struct ControlRequest {
  enum class Verb : std::uint8_t { reload, refusal };
  Verb verb = Verb::reload;
  std::string reference{};  // refusal
};
std::string json_of(const ControlRequest& request);  // one line, without its end
std::optional<ControlRequest> parse_request(std::string_view text);

// --- what it answers ---

// The new rules hold. `warnings` are those of the new rules.
std::string json_of_reload(const Changes& changes, const config::Mistakes& warnings);
// Nothing has changed, for the rules have mistakes.
std::string json_of_mistakes(const config::Mistakes& mistakes);
// No, in a sentence: to anything.
std::string json_of_no(std::string_view why);
// A refusal, as the log has it.
std::string json_of_refusal(const observe::SessionRecord& record);

// --- and what is read from that ---

struct ReloadAnswer {
  bool well = false;
  std::vector<std::string> lines{};  // what has changed, or why nothing did
  std::vector<std::string> warnings{};
};

struct RefusalAnswer {
  std::string why_not{};  // it is not known; the rest is empty then
  std::string reference{};
  std::string time{};  // when it was refused
  std::string client{};
  std::string listener{};
  std::string route{};
  std::string user{};
  std::string host{};
  std::string path{};
  std::string origin{};
  int status = 0;
  std::string word{};   // "foreign_origin"
  std::string step{};   // "origin"
  std::string place{};  // of the rule that decided
  std::string detail{};
};

// Empty for what is no such answer.
std::optional<ReloadAnswer> parse_reload_answer(std::string_view text);
std::optional<RefusalAnswer> parse_refusal_answer(std::string_view text);

}  // namespace bascule::app
