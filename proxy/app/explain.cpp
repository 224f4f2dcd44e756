#include "proxy/app/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/policy/refusal.hpp"

namespace bascule::app {

namespace {

using policy::Admitted;
using policy::Denied;
using policy::Finding;
using policy::Page;
using policy::Redirect;
using policy::Step;

// The words of the longest step and of "refused", so that what follows stands in columns.
constexpr int step_width = 11;
constexpr int verdict_width = 7;

std::string line_of(std::string_view step, bool passed, std::string_view text, const std::string& place,
                    const Paint& paint) {
  const std::string verdict = fmt::format("{:<{}}", passed ? "passed" : "refused", verdict_width);
  std::string line = fmt::format("  {:<{}}  {}", step, step_width, passed ? paint.good(verdict) : paint.bad(verdict));
  if (!text.empty()) { line += fmt::format("  {}", text); }
  if (!place.empty()) { line += "  " + paint.faint("(" + place + ")"); }
  while (line.ends_with(' ')) { line.pop_back(); }
  return line + '\n';
}

std::string place_of(const policy::Place& place) {
  return place.file.empty() ? std::string() : place.text();
}

std::string steps_of(const policy::Trace& trace, const Paint& paint) {
  std::string text;
  for (const Finding& finding : trace) {
    text += line_of(policy::word_of(finding.step), finding.passed, finding.text, place_of(finding.place), paint);
  }
  return text;
}

std::string who_asked(const Explanation& explanation) {
  const Question& question = explanation.question;
  const auto host_of = [](const Address& address) {
    return address.is_ip() ? address.host_text() : std::string("a Unix socket");
  };
  std::string text = fmt::format("from {}", host_of(explanation.judgement.client));
  if (!question.through.empty()) { text += fmt::format(" through the proxy {}", question.through); }
  if (question.identity) { text += fmt::format(" as {}", shown(question.identity->user)); }
  const std::string* origin = question.head.find("origin");
  return text + (origin == nullptr ? ", no origin sent" : fmt::format(", origin {}", shown(*origin)));
}

std::string_view word_of(policy::Balance balance) {
  switch (balance) {
    case policy::Balance::first: return "the first that is up";
    case policy::Balance::round_robin: return "each in turn";
    case policy::Balance::least_sessions: return "the one with the fewest sessions";
    case policy::Balance::hash: return "the same for the same visitor";
  }
  return "";
}

// What is said below the steps of somebody who may come in.
std::string where_to(const Admitted& admitted) {
  const std::string protocol =
      admitted.protocol.empty() ? "no subprotocol" : fmt::format("subprotocol {}", admitted.protocol);
  return fmt::format("to {}, {}", destination_of(admitted), protocol);
}

}  // namespace

Explanation explain(Question question, const policy::Rules& rules) {
  policy::Trace trace;
  policy::Judgement judgement = judge(rules, question, &trace);
  return {.question = std::move(question), .judgement = std::move(judgement), .trace = std::move(trace)};
}

std::string destination_of(const Admitted& admitted) {
  if (admitted.target) { return admitted.target->text(); }
  const policy::Service* const service = admitted.route->service();
  if (service == nullptr) { return {}; }
  const auto* const addresses = std::get_if<std::vector<policy::Endpoint>>(&service->where);
  if (addresses == nullptr) { return service->is_echo() ? "echo:" : service->written; }
  std::vector<std::string> texts;
  std::transform(addresses->begin(), addresses->end(), std::back_inserter(texts),
                 [by = service->tls ? "tls://" : ""](const policy::Endpoint& endpoint) {
                   return fmt::format("{}{}", by, endpoint.text());
                 });
  std::string text = fmt::format("{}", fmt::join(texts, ", "));
  if (texts.size() > 1) { text += fmt::format(" ({})", word_of(service->balance)); }
  return service->shared ? fmt::format("{} = {}", service->name, text) : text;
}

std::string verdict_of(const Explanation& explanation) {
  if (const auto* admitted = std::get_if<Admitted>(&explanation.judgement.verdict)) {
    return admitted->target ? fmt::format("admitted to {} at {}", admitted->route->name, admitted->target->text())
                            : fmt::format("admitted to {}", admitted->route->name);
  }
  if (const auto* page = std::get_if<Page>(&explanation.judgement.verdict)) {
    return fmt::format("admitted to {}", page->route->name);
  }
  if (const auto* redirect = std::get_if<Redirect>(&explanation.judgement.verdict)) {
    return fmt::format("redirected to {}", shown(redirect->location));
  }
  const policy::Refusal refusal = std::get<Denied>(explanation.judgement.verdict).refused.refusal;
  const int status = policy::entry_of(refusal).status;
  const std::string_view step = policy::word_of(policy::step_of(refusal));
  return status == 0 ? fmt::format("refused at {}", step) : fmt::format("refused at {} with {}", step, status);
}

std::string text_of(const Explanation& explanation, const Paint& paint) {
  const Question& question = explanation.question;
  std::string text = fmt::format("{} at listener {} ({}), {}\n", paint.strong(shown(question.url)), question.listener,
                                 question.listener_why, who_asked(explanation));
  if (question.tls_unseen) {
    text += paint.faint(
                "(judged as it would arrive: without TLS, of which nothing tells this listener; see public_url, "
                "trusted_proxies and proxy_protocol)") +
            '\n';
  }
  text += steps_of(explanation.trace, paint);
  const std::string verdict = verdict_of(explanation);
  if (const auto* no = std::get_if<Denied>(&explanation.judgement.verdict)) {
    const policy::RefusalEntry& entry = policy::entry_of(no->refused.refusal);
    text += fmt::format("{} ({}){}\n", paint.bad(verdict), entry.word,
                        no->by_close        ? ", told by a Close"
                        : entry.status == 0 ? ", closed without an answer"
                                            : "");
    return text;
  }
  if (const auto* admitted = std::get_if<Admitted>(&explanation.judgement.verdict)) {
    return text + fmt::format("{}: {}\n{}\n", paint.good(fmt::format("admitted to {}", admitted->route->name)),
                              where_to(*admitted),
                              paint.faint("not asked here: session limits, and whether the service can be reached"));
  }
  if (std::holds_alternative<Redirect>(explanation.judgement.verdict)) { return text + paint.good(verdict) + '\n'; }
  const auto& page = std::get<Page>(explanation.judgement.verdict);
  const auto* const files = std::get_if<policy::Files>(&page.route->to);
  const std::string file = page.below.empty() || page.below.ends_with('/') ? "the index" : shown(page.below);
  return text + fmt::format("{}: {}\n", paint.good(verdict),
                            files == nullptr ? std::string("a page of bascule's own")
                                             : fmt::format("{} of folder {}", file, files->folder));
}

std::string text_of(const RefusalAnswer& refusal, const Paint& paint) {
  const auto part = [](std::string_view what, const std::string& value) {
    return value.empty() ? std::string() : fmt::format("{}{}", what, shown(value));
  };
  std::string text = fmt::format("{} {}: {}{}{}{}{}, {}\n", paint.strong(shown(refusal.reference)), shown(refusal.time),
                                 shown(refusal.host), shown(refusal.path), part(" at listener ", refusal.listener),
                                 part(", from ", refusal.client), part(" as ", refusal.user),
                                 refusal.origin.empty() ? "no origin sent" : part("origin ", refusal.origin));
  // It went through every step before the one that said no; of those the process keeps no more than that.
  for (std::size_t step = 0; step <= static_cast<std::size_t>(Step::service); ++step) {
    const std::string_view word = policy::word_of(static_cast<Step>(step));
    if (word == refusal.step) { break; }
    const bool led = static_cast<Step>(step) == Step::route && !refusal.route.empty();
    text += line_of(word, true, led ? fmt::format("route '{}'", shown(refusal.route)) : std::string(), {}, paint);
  }
  text += line_of(shown(refusal.step), false, shown(refusal.detail, 1000), shown(refusal.place, 1000), paint);
  const std::string verdict = refusal.status == 0
                                  ? fmt::format("refused at {}", shown(refusal.step))
                                  : fmt::format("refused at {} with {}", shown(refusal.step), refusal.status);
  return text + fmt::format("{} ({})\n", paint.bad(verdict), shown(refusal.word));
}

// --- test ------------------------------------------------------------------------------------------------------------

namespace {

using End = config::Expectation::End;

bool is_as_expected(const config::Expectation& expected, const Explanation& explanation) {
  const auto& verdict = explanation.judgement.verdict;
  if (const auto* no = std::get_if<Denied>(&verdict)) {
    const policy::Refusal refusal = no->refused.refusal;
    return expected.end == End::refused && policy::step_of(refusal) == expected.step &&
           (!expected.status || *expected.status == policy::entry_of(refusal).status);
  }
  if (const auto* elsewhere = std::get_if<Redirect>(&verdict)) {
    return expected.end == End::redirected && (!expected.location || *expected.location == elsewhere->location);
  }
  const auto* const admitted = std::get_if<Admitted>(&verdict);
  const std::string& route = admitted != nullptr ? admitted->route->name : std::get<Page>(verdict).route->name;
  if (expected.end != End::admitted || expected.route != route) { return false; }
  if (!expected.address) { return true; }
  if (admitted == nullptr) { return false; }
  if (admitted->target) { return admitted->target->text() == *expected.address; }
  const policy::Service* const service = admitted->route->service();
  const auto* const addresses =
      service == nullptr ? nullptr : std::get_if<std::vector<policy::Endpoint>>(&service->where);
  if (addresses == nullptr) { return destination_of(*admitted) == *expected.address; }
  return std::any_of(addresses->begin(), addresses->end(),
                     [&](const policy::Endpoint& endpoint) { return endpoint.text() == *expected.address; });
}

}  // namespace

CaseOutcome run_case(const config::Case& asked, const policy::Rules& rules) {
  CaseOutcome outcome{.asked = &asked};
  if (asked.expect.end == End::admitted && rules.route(asked.expect.route) == nullptr) {
    outcome.came = fmt::format("there is no route '{}'", shown(asked.expect.route));
    return outcome;
  }
  auto question = make_question(asked.visit, rules);
  if (!question) {
    outcome.came = fmt::format("{}: {}", question.error().key, question.error().text);
    return outcome;
  }
  outcome.explanation = explain(std::move(*question), rules);
  outcome.came = verdict_of(*outcome.explanation);
  outcome.passed = is_as_expected(asked.expect, *outcome.explanation);
  return outcome;
}

std::string text_of(const CaseOutcome& outcome, const Paint& paint) {
  std::string text = fmt::format("{}: {}: expected {}, came {}\n", outcome.asked->place.text(), paint.bad("failed"),
                                 shown(outcome.asked->expect.written), outcome.came);
  if (outcome.explanation) { text += text_of(*outcome.explanation, paint); }
  return text;
}

}  // namespace bascule::app
