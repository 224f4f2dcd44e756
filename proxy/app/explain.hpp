// `bascule explain`: a judgement, told step by step. `bascule test`: the same, held against what was expected.
#pragma once

#include <string>
#include <vector>

#include "proxy/app/answers.hpp"
#include "proxy/app/paint.hpp"
#include "proxy/app/question.hpp"
#include "proxy/config/cases.hpp"
#include "proxy/policy/judge.hpp"

namespace bascule::app {

struct Explanation {
  Question question;
  policy::Judgement judgement;
  policy::Trace trace;

  bool refused() const { return std::holds_alternative<policy::Denied>(judgement.verdict); }
};

Explanation explain(Question question, const policy::Rules& rules);

// One line on what was asked, one a step, and where it leads. Ends in a line end.
std::string text_of(const Explanation& explanation, const Paint& paint);
// "admitted to desk at 10.20.0.7:5900", "refused at origin with 403"
std::string verdict_of(const Explanation& explanation);
// Where a session is led: the address made for this visitor, or what the service says. Empty for a page.
std::string destination_of(const policy::Admitted& admitted);

// A refusal of the running process, as far as it is kept.
std::string text_of(const RefusalAnswer& refusal, const Paint& paint);

// --- test ---

struct CaseOutcome {
  const config::Case* asked = nullptr;
  bool passed = false;
  std::string came{};  // verdict_of, or what is wrong with the case
  std::optional<Explanation> explanation{};
};

CaseOutcome run_case(const config::Case& asked, const policy::Rules& rules);

// For one that failed: its place, what was expected, what came, and the steps.
std::string text_of(const CaseOutcome& outcome, const Paint& paint);

}  // namespace bascule::app
