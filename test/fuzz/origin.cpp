// Origins: what is read is written and read as the same, and the judgement agrees with a slower one that compares
// texts.
//
// Input: one item a line. First the Origin that a client sends, then our own, then what a rule lists; "*" in front of a
// listed one means the names below it, and the words `same`, `missing`, `opaque`, `any` stand for themselves.
#include "proxy/policy/origin.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "test/fuzz/fuzz.hpp"

namespace bascule::fuzz {
namespace {

using namespace policy;

void check_form(std::string_view text) {
  const auto origin = parse_origin(text);
  if (!origin) { return; }
  const std::string written = text_of(*origin);
  require_printable(written, "an origin is safe to print");
  require(parse_origin(written) == origin, "an origin is read as it was written", written);
  require(std::none_of(written.begin(), written.end(), [](char c) { return c >= 'A' && c <= 'Z'; }),
          "an origin is written in lower case", written);
  require(written.find_first_of("/@?#\\ %", origin->scheme.size() + 3) == std::string::npos,
          "an origin has neither path nor user", written);

  const auto operators = parse_written_origin(text);
  require(operators.has_value(), "an operator may write every origin", written);
  require(parse_written_origin(text_of(*operators)) == operators, "an operator's origin is read as it was written");
  require(operators->scheme != "ws" && operators->scheme != "wss", "pages have no WebSocket's scheme");
}

struct Listed {
  OriginRule rule{.same = false, .missing = false};
  std::vector<std::string> texts{};          // of rule.exact
  std::vector<std::string> schemes_below{};  // of rule.below: "https://"
  std::vector<std::string> hosts_below{};    // ".example.org" and ".example.org:8443"
};

Listed listed(std::string_view text) {
  Listed listed;
  while (!text.empty()) {
    std::string_view line = take_line(text);
    OriginRule& rule = listed.rule;
    if (line == "same") { rule.same = true; }
    if (line == "missing") { rule.missing = true; }
    if (line == "opaque") { rule.opaque = true; }
    if (line == "any") { rule.any = true; }
    const bool below = line.starts_with('*');
    if (below) { line.remove_prefix(1); }
    const auto origin = parse_written_origin(line);
    if (!origin) { continue; }
    if (below) {
      const std::string whole = text_of(*origin);
      rule.below.push_back(*origin);
      listed.schemes_below.push_back(origin->scheme + "://");
      listed.hosts_below.push_back("." + whole.substr(origin->scheme.size() + 3));
    } else {
      rule.exact.push_back(*origin);
      listed.texts.push_back(text_of(*origin));
    }
  }
  return listed;
}

// The same question, asked of texts.
bool admitted_by_text(const Listed& listed, const std::string* sent, const std::string& own) {
  if (listed.rule.any) { return true; }
  if (sent == nullptr) { return listed.rule.missing; }
  if (*sent == "null") { return listed.rule.opaque; }
  const auto origin = parse_origin(*sent);
  if (!origin) { return false; }
  const std::string text = text_of(*origin);
  if (listed.rule.same && text == own) { return true; }
  if (std::find(listed.texts.begin(), listed.texts.end(), text) != listed.texts.end()) { return true; }
  for (std::size_t i = 0; i < listed.hosts_below.size(); ++i) {
    const std::string& scheme = listed.schemes_below[i];
    const std::string& host = listed.hosts_below[i];
    if (text.starts_with(scheme) && text.ends_with(host) && text.size() > scheme.size() + host.size()) { return true; }
  }
  return false;
}

void check_judgement(const OriginRule& rule, const Listed& listed, const std::string* sent, const Origin& own) {
  for (const auto by :
       {OwnOrigin::By::request, OwnOrigin::By::proxy_header, OwnOrigin::By::forwarding, OwnOrigin::By::public_url}) {
    const OriginVerdict verdict = judge_origin(rule, sent, {.origin = own, .by = by});
    require(verdict.admitted == admitted_by_text(listed, sent, text_of(own)), "both judge the same",
            sent == nullptr ? "without an Origin" : *sent);
    require(verdict.admitted || !verdict.detail.empty(), "a no has a reason");
    require_printable(verdict.detail, "a reason is safe to print");
  }
}

}  // namespace
}  // namespace bascule::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bascule;
  using namespace bascule::fuzz;
  std::string_view text = text_of(Bytes(data, size));
  const std::string sent(take_line(text));
  check_form(sent);
  const std::string own_text(take_line(text));
  check_form(own_text);
  const auto own = policy::parse_origin(own_text);
  if (!own) { return 0; }
  const Listed rest = listed(text);
  check_judgement(rest.rule, rest, &sent, *own);
  check_judgement(rest.rule, rest, nullptr, *own);
  return 0;
}
