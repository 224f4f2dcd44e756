#include "proxy/app/command_line.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "proxy/app/server.hpp"
#include "proxy/config/read_rules.hpp"
#include "proxy/observe/log.hpp"

namespace bascule::app {

namespace {

constexpr int exit_well = 0;
constexpr int exit_not_well = 1;
constexpr int exit_wrong_usage = 2;

std::optional<policy::Rules> rules_or_mistakes(const std::string& path) {
  auto rules = config::read_rules_file(path);
  if (rules) { return std::move(*rules); }
  for (const config::Mistake& mistake : rules.error()) {
    fmt::print(stderr, "{}: {}\n", mistake.place.text(), mistake.text);
  }
  return std::nullopt;
}

int check(const std::string& path) {
  const auto rules = rules_or_mistakes(path);
  if (!rules) { return exit_not_well; }
  const auto count = [](std::size_t number, std::string_view what) {
    return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
  };
  fmt::print("{}: well: {}, {}\n", path, count(rules->listeners.size(), "listener"),
             count(rules->routes.size(), "route"));
  return exit_well;
}

int serve(const std::string& path, std::optional<unsigned> workers) {
  auto rules = rules_or_mistakes(path);
  if (!rules) { return exit_not_well; }
  if (workers) { rules->process.workers = workers; }
  observe::Log log(STDERR_FILENO, observe::Log::format_for(STDERR_FILENO));
  return serve_until_told(std::make_shared<const policy::Rules>(std::move(*rules)), log) ? exit_well : exit_not_well;
}

}  // namespace

int run(int argc, char** argv) {
  CLI::App app("bascule bridges WebSocket to TCP: browsers on one side, the services people run on the other.",
               "bascule");
  app.set_version_flag("--version", "bascule " BASCULE_VERSION);
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::simple);
  app.footer("See rules/README.md for every key of a rules file.");

  std::string rules;
  std::optional<unsigned> workers;
  constexpr unsigned workers_max = 1024;

  CLI::App* const serve_verb = app.add_subcommand("serve", "Serve by a rules file until SIGTERM or SIGINT.");
  serve_verb->add_option("RULES", rules, "The rules file (YAML)")->required();
  serve_verb->add_option("--workers", workers, "Threads that carry sessions; one a core if not given")
      ->check(CLI::Range(1U, workers_max));

  CLI::App* const check_verb = app.add_subcommand("check", "Read a rules file and tell every mistake in it.");
  check_verb->add_option("RULES", rules, "The rules file (YAML)")->required();

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) { return app.exit(error) == exit_well ? exit_well : exit_wrong_usage; }
  return check_verb->parsed() ? check(rules) : serve(rules, workers);
}

}  // namespace bascule::app
