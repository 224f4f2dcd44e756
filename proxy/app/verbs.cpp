#include "proxy/app/verbs.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>

#include "proxy/app/answers.hpp"
#include "proxy/app/control.hpp"
#include "proxy/app/explain.hpp"
#include "proxy/app/paint.hpp"
#include "proxy/app/question.hpp"
#include "proxy/app/server.hpp"
#include "proxy/base/text.hpp"
#include "proxy/config/read_rules.hpp"
#include "proxy/config/show.hpp"
#include "proxy/observe/log.hpp"

namespace bascule::app {

namespace {

std::string counted(std::size_t number, std::string_view what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

std::string names_of(const CommonOptions& options) {
  return fmt::format("{}", fmt::join(options.rules, " "));
}

void print(const std::string& text) {
  fmt::print("{}", text);
}

void print_line(const std::string& text) {
  fmt::print("{}\n", text);
}

void print_mistakes(const config::Mistakes& mistakes) {
  for (const config::Mistake& mistake : mistakes) { fmt::print(stderr, "{}\n", line_of(mistake)); }
}

void print_warning(const std::string& line) {
  fmt::print(stderr, "{} {}\n", Paint::for_descriptor(STDERR_FILENO).risky("warning:"), line);
}

int not_well(const CommonOptions& options, const config::Mistakes& mistakes) {
  if (options.output == Output::json) {
    print_line(json_of_mistakes(mistakes));
  } else {
    print_mistakes(mistakes);
  }
  return exit_not_well;
}

int not_well(const CommonOptions& options, const std::string& why) {
  if (options.output == Output::json) {
    print_line(json_of_no(why));
  } else {
    fmt::print(stderr, "{}\n", why);
  }
  return exit_not_well;
}

}  // namespace

int serve(const CommonOptions& options, std::optional<unsigned> workers) {
  FileWatch watch(options.rules);  // first: what changes while we read will be seen
  auto reading = config::read_rules_at(options.rules);
  if (!reading) {
    print_mistakes(reading.error());
    return exit_not_well;
  }
  const auto format = options.output == Output::json ? observe::Format::json : observe::Log::format_for(STDERR_FILENO);
  observe::Log log(STDERR_FILENO, format);
  for (const config::Mistake& warning : reading->warnings) {
    log.note(
        {.level = observe::Level::warning, .event = "rules_warning", .text = line_of(warning), .fields = {}, .at = {}});
  }
  return serve_until_told(options.rules, std::move(watch), std::move(*reading), workers, log) ? exit_well
                                                                                              : exit_not_well;
}

int check(const CommonOptions& options, Warnings warnings) {
  const auto reading = config::read_rules_at(options.rules);
  config::Mistakes mistakes;
  config::Mistakes risks;
  if (!reading) {
    mistakes = reading.error();
  } else if (warnings == Warnings::mistakes) {
    mistakes = reading->warnings;
  } else {
    risks = reading->warnings;
  }
  const std::size_t listeners = reading ? reading->rules.listeners.size() : 0;
  const std::size_t routes = reading ? reading->rules.routes.size() : 0;
  if (options.output == Output::json) {
    print_line(json_of_check(mistakes, risks, listeners, routes));
    return mistakes.empty() ? exit_well : exit_not_well;
  }
  print_mistakes(mistakes);
  if (!mistakes.empty()) { return exit_not_well; }
  for (const config::Mistake& risk : risks) { print_warning(line_of(risk)); }
  print_line(fmt::format("{}: well: {}, {}{}", names_of(options), counted(listeners, "listener"),
                         counted(routes, "route"), risks.empty() ? "" : ", " + counted(risks.size(), "warning")));
  return exit_well;
}

int show(const CommonOptions& options) {
  const auto reading = config::read_rules_at(options.rules);
  if (!reading) { return not_well(options, reading.error()); }
  const std::string yaml = config::show_rules(reading->rules);
  if (options.output == Output::json) {
    print_line(json_of_rules(yaml));
  } else {
    print(yaml);
  }
  return exit_well;
}

int explain_visit(const CommonOptions& options, const config::DescribedVisit& visit) {
  const auto reading = config::read_rules_at(options.rules);
  if (!reading) { return not_well(options, reading.error()); }
  auto question = make_question(visit, reading->rules);
  if (!question) {
    fmt::print(stderr, "{}: {}\n", question.error().key, question.error().text);
    return exit_wrong_usage;
  }
  const Explanation explanation = explain(std::move(*question), reading->rules);
  if (options.output == Output::json) {
    print_line(json_of_explanation(explanation));
  } else {
    print(text_of(explanation, Paint::for_descriptor(STDOUT_FILENO)));
  }
  return explanation.refused() ? exit_refused : exit_well;
}

int explain_reference(const CommonOptions& options, const std::string& reference) {
  const auto answered = ask_process(
      options.rules, json_of(ControlRequest{.verb = ControlRequest::Verb::refusal, .reference = reference}));
  if (!answered) {
    return not_well(options, fmt::format("{}; every refusal has a line in the log: look for \"{}\" there",
                                         answered.error().text, shown(reference)));
  }
  const auto refusal = parse_refusal_answer(*answered);
  if (!refusal) { return not_well(options, "the process's answer is not understood; are both of the same version?"); }
  if (!refusal->why_not.empty()) { return not_well(options, shown(refusal->why_not)); }
  if (options.output == Output::json) {
    print_line(*answered);
  } else {
    print(text_of(*refusal, Paint::for_descriptor(STDOUT_FILENO)));
  }
  return exit_well;
}

int test(const CommonOptions& options, const std::string& cases_file) {
  const auto reading = config::read_rules_at(options.rules);
  if (!reading) { return not_well(options, reading.error()); }
  const auto cases = config::read_cases_file(cases_file);
  if (!cases) { return not_well(options, cases.error()); }
  std::vector<CaseOutcome> outcomes;
  for (const config::Case& one : *cases) { outcomes.push_back(run_case(one, reading->rules)); }
  const auto passed =
      std::count_if(outcomes.begin(), outcomes.end(), [](const CaseOutcome& one) { return one.passed; });
  const auto failed = std::ssize(outcomes) - passed;
  if (options.output == Output::json) {
    print_line(json_of_test(outcomes));
  } else {
    const Paint paint = Paint::for_descriptor(STDOUT_FILENO);
    for (const CaseOutcome& outcome : outcomes) {
      if (!outcome.passed) { print_line(text_of(outcome, paint)); }
    }
    print_line(fmt::format("{}, {}", paint.good(fmt::format("{} passed", passed)),
                           failed == 0 ? "0 failed" : paint.bad(fmt::format("{} failed", failed))));
  }
  return failed == 0 ? exit_well : exit_not_well;
}

int reload(const CommonOptions& options) {
  // Here first: whoever has made a mistake is told of it whether or not a process is running.
  const auto reading = config::read_rules_at(options.rules);
  if (!reading) { return not_well(options, reading.error()); }
  const auto answered = ask_process(options.rules, json_of(ControlRequest{.verb = ControlRequest::Verb::reload}));
  if (!answered) { return not_well(options, answered.error().text); }
  const auto answer = parse_reload_answer(*answered);
  if (!answer) { return not_well(options, "the process's answer is not understood; are both of the same version?"); }
  if (options.output == Output::json) {
    print_line(*answered);
    return answer->well ? exit_well : exit_not_well;
  }
  for (const std::string& warning : answer->warnings) { print_warning(shown(warning, 2000)); }
  std::FILE* const where = answer->well ? stdout : stderr;
  for (const std::string& line : answer->lines) { fmt::print(where, "{}\n", shown(line, 2000)); }
  if (!answer->well) { fmt::print(stderr, "not reloaded: the process goes on with the rules it has\n"); }
  return answer->well ? exit_well : exit_not_well;
}

}  // namespace bascule::app
