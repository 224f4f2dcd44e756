// A whole request, from its bytes to the verdict: the judgement is the same with and without the index of routes, and
// the same whether somebody asks for its steps or not; the steps end where it ends; nobody comes in who has not proven
// what his route asks for.
//
// Input: a line "LISTENER PEER [tls]", then the head; LF counts as CRLF, so that seeds are plain text.
#include <fmt/format.h>

#include <cstdlib>
#include <string>
#include <variant>

#include "proxy/config/read_rules.hpp"
#include "proxy/policy/judge.hpp"
#include "proxy/policy/match.hpp"
#include "proxy/wire/http/head_parser.hpp"
#include "test/fuzz/fuzz.hpp"

namespace bascule::fuzz {
namespace {

using namespace policy;

const Rules& rules() {
  static const Rules rules = [] {
    ::setenv("BASCULE_FUZZ_SECRET", "a-secret-that-no-input-knows", 1);
    const auto reading = config::read_rules_at({BASCULE_REQUEST_RULES});
    require(reading.ok(), "the rules of this target hold", reading.ok() ? "" : reading.error().front().text);
    return reading->rules;
  }();
  return rules;
}

const Rules& rules_without_index() {
  static const Rules plain = [] {
    Rules copy = rules();
    copy.index = nullptr;
    return copy;
  }();
  return plain;
}

std::string name_of(const std::shared_ptr<const Route>& route) {
  return route == nullptr ? "-" : route->name;
}

// Everything that a judgement says, as text.
std::string text_of(const Judgement& judgement) {
  std::string text = fmt::format("{} {} ", judgement.client.text(), judgement.host);
  if (const auto* yes = std::get_if<Admitted>(&judgement.verdict)) {
    text += fmt::format("admitted {} '{}' '{}' {}", name_of(yes->route), yes->protocol, yes->origin,
                        yes->target ? yes->target->text() : "-");
  } else if (const auto* page = std::get_if<Page>(&judgement.verdict)) {
    text += fmt::format("page {} '{}' {}", name_of(page->route), page->below, page->head_only);
  } else if (const auto* asked = std::get_if<Unproven>(&judgement.verdict)) {
    text += fmt::format("asked {} {}", name_of(asked->route), asked->own_origin);
  } else if (const auto* login = std::get_if<Login>(&judgement.verdict)) {
    text += fmt::format("login {}", name_of(login->route));
  } else {
    const auto& no = std::get<Denied>(judgement.verdict);
    text += fmt::format("denied {} {} '{}' '{}' '{}' {}", name_of(no.route), entry_of(no.refused.refusal).word,
                        no.refused.detail, no.refused.public_detail, no.refused.allow, no.by_close.has_value());
  }
  return text;
}

void check_page(const Page& page) {
  require(!page.below.starts_with('/'), "a page has no slash in front", page.below);
  const std::string framed = "/" + page.below + "/";
  require(framed.find("/../") == std::string::npos && framed.find("/./") == std::string::npos, "no page leads upwards",
          page.below);
  require(page.below.find_first_of(std::string_view("\0\\", 2)) == std::string::npos, "a page has a plain name");
}

void check_trace(const Trace& trace, const Judgement& judgement) {
  require(!trace.empty(), "a judgement takes a step");
  const auto* no = std::get_if<Denied>(&judgement.verdict);
  require(trace.back().passed == (no == nullptr), "the last step is the one that refuses");
  for (std::size_t i = 0; i < trace.size(); ++i) {
    require(!trace[i].text.empty(), "a step says what it found");
    require_printable(trace[i].text, "a step is safe to print");
    require(i + 1 == trace.size() || trace[i].passed, "nothing follows a no", trace[i].text);
    require(i == 0 || trace[i - 1].step < trace[i].step, "steps are taken in their order", trace[i].text);
  }
  if (no != nullptr) {
    require(step_of(no->refused.refusal) == trace.back().step, "a refusal belongs to its step", trace.back().text);
  }
}

// Whoever is asked who he is comes no further without it, and is not asked again with it.
void check_asked(Visit visit, const wire::http::RequestHead& head, const Unproven& asked) {
  require(!asked.route->auth.open(), "who is asked has something to prove");
  const Refused refused{.refusal = Refusal::no_proof, .detail = "nothing was sent"};
  visit.unproven = &refused;
  const Judgement without = judge(rules(), visit, head);
  const auto* no = std::get_if<Denied>(&without.verdict);
  require(no != nullptr && no->refused.refusal == Refusal::no_proof, "without a proof nobody comes in");
  visit.unproven = nullptr;
  Identity identity;
  visit.identity = &identity;
  require(std::holds_alternative<Unproven>(judge(rules(), visit, head).verdict), "a name alone proves nothing");
  identity.by = asked.route->auth.proofs();
  require(!std::holds_alternative<Unproven>(judge(rules(), visit, head).verdict),
          "who has proven it is not asked again");
}

void check(const Visit& visit, const wire::http::RequestHead& head) {
  Trace trace;
  const Judgement judgement = judge(rules(), visit, head, &trace);
  const std::string text = text_of(judgement);
  require_printable(text, "a judgement is safe to print");
  require(text_of(judge(rules(), visit, head)) == text, "asking for the steps changes nothing", text);
  const std::string plain = text_of(judge(rules_without_index(), visit, head));
  require(plain == text, "the index changes nothing", text + "\n" + plain);
  check_trace(trace, judgement);
  if (const auto* page = std::get_if<Page>(&judgement.verdict)) { check_page(*page); }
  if (const auto* asked = std::get_if<Unproven>(&judgement.verdict)) { check_asked(visit, head, *asked); }
  if (const auto* yes = std::get_if<Admitted>(&judgement.verdict)) {
    require(yes->route->auth.open(), "nobody comes in who has proven nothing", text);
  }
  if (const auto* no = std::get_if<Denied>(&judgement.verdict)) {
    require(!no->by_close || no->refused.refusal != Refusal::foreign_origin,
            "only who has passed the origin is told by a Close", text);
  }
}

}  // namespace
}  // namespace bascule::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bascule;
  using namespace bascule::fuzz;
  std::string_view text = bascule::text_of(Bytes(data, size));
  std::string_view first = take_line(text);
  const auto take_word = [&first] {
    const std::size_t end = std::min(first.find(' '), first.size());
    const std::string_view word = first.substr(0, end);
    first.remove_prefix(std::min(end + 1, first.size()));
    return word;
  };
  const policy::Listener* listener = rules().listener(take_word());
  if (listener == nullptr) { listener = &rules().listeners.front(); }
  policy::Visit visit{.listener = listener->name};
  visit.peer = Address::parse_ip(take_word(), 4711).value_or(Address::unix_path(""));
  visit.secure = first == "tls";

  wire::http::HeadParser parser(policy::head_size_limit(rules(), visit.listener));
  const std::string head = with_crlf(text);
  parser.feed(bytes_of(std::string_view(head)));
  if (parser.state() == wire::http::HeadParser::State::complete) { check(visit, parser.take()); }
  return 0;
}
