#include "proxy/app/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/app/minting.hpp"
#include "proxy/app/verbs.hpp"
#include "proxy/base/text.hpp"
#include "proxy/tls/pieces.hpp"

namespace bascule::app {

namespace {

constexpr const char* default_rules = "/etc/bascule/rules.d";
constexpr const char* rules_help = "Rules: files, or folders of *.yaml; /etc/bascule/rules.d if none is given";

// The options as they are being read. `files` are the words without a dash: RULES, and for some verbs one more behind.
struct Arguments {
  CommonOptions common;
  std::vector<std::string> files;
  std::optional<unsigned> workers;
  Warnings warnings = Warnings::told;
  config::DescribedVisit visit;
  std::vector<std::string> headers;
  std::optional<std::string> reference;
  PasswordOptions password;
  TicketOptions ticket;

  // The words are RULES, all of them.
  const CommonOptions& rules() {
    common.rules = files.empty() ? std::vector<std::string>{default_rules} : std::move(files);
    return common;
  }

  // The last of the words is something else.
  std::optional<std::string> take_last() {
    if (files.empty()) { return std::nullopt; }
    std::string last = std::move(files.back());
    files.pop_back();
    return last;
  }
};

int wrong_usage(std::string_view what) {
  fmt::print(stderr, "{}\nRun with --help for more information.\n", what);
  return exit_wrong_usage;
}

CLI::App& add_verb(CLI::App& app, const char* name, const char* what, Arguments& arguments, const char* words,
                   const char* words_help) {
  CLI::App* const verb = app.add_subcommand(name, what);
  verb->add_option(words, arguments.files, words_help)->type_name("");
  verb->add_flag_callback(
      "--json", [&arguments] { arguments.common.output = Output::json; }, "Answer in JSON");
  return *verb;
}

void add_visit(CLI::App& verb, Arguments& arguments) {
  config::DescribedVisit& visit = arguments.visit;
  verb.add_option("--origin", visit.origin, "The Origin it sends; 'same' for the URL's own. None if not given");
  verb.add_option("--client", visit.client, "The visitor's address; 127.0.0.1 if not given");
  verb.add_option("--header", arguments.headers, "Another header field, \"name: value\"; any number of them")
      ->take_all()
      ->allow_extra_args(false);  // one word each: what follows is RULES or the URL
  verb.add_option("--as", visit.as, "Who he has proven to be: user, or user:group,group");
  verb.add_option("--protocol", visit.protocols, "A subprotocol it offers; any number of them")
      ->take_all()
      ->allow_extra_args(false);
  verb.add_option("--listener", visit.listener, "The listener it comes to; the one that the URL fits if not given");
}

void add_password(CLI::App& verb, PasswordOptions& options) {
  verb.add_option("USER", options.user, "Whose it is; then a whole line of an htpasswd file is printed")->type_name("");
  verb.add_flag_callback(
      "--json", [&options] { options.output = Output::json; }, "Answer in JSON");
  CLI::Option* const bcrypt = verb.add_flag_callback(
      "--bcrypt", [&options] { options.kind = proof::HashKind::bcrypt; },
      "A hash that every reader of htpasswd files knows, instead of yescrypt");
  verb.add_flag_callback(
          "--sha512", [&options] { options.kind = proof::HashKind::sha512; }, "SHA-512-crypt, instead of yescrypt")
      ->excludes(bcrypt);
}

void add_ticket(CLI::App& verb, TicketOptions& options) {
  verb.add_option("--route", options.route, "The route it is for")->required();
  verb.add_option("--user", options.user, "Whom it makes of its bearer; nobody in particular if not given");
  verb.add_option("--group", options.groups, "A group of his; any number of them")->take_all()->allow_extra_args(false);
  verb.add_option("--address", options.address, "The IP address or network he must come from");
  verb.add_option("--set", options.set,
                  "A word that a target may be made from, name=value: {claim.name}; any number of them")
      ->take_all()
      ->allow_extra_args(false);
  verb.add_option("--for", options.time, "How long it holds: 30s; the proof's max_age if not given");
}

bool read_headers(Arguments& arguments) {
  for (const std::string& header : arguments.headers) {
    const std::size_t colon = header.find(':');
    if (colon == 0 || colon == std::string::npos) { return false; }
    arguments.visit.headers.emplace_back(header.substr(0, colon), trimmed(std::string_view(header).substr(colon + 1)));
  }
  return true;
}

int run_explain(Arguments& arguments) {
  if (arguments.reference) { return explain_reference(arguments.rules(), *arguments.reference); }
  auto url = arguments.take_last();
  if (!url) { return wrong_usage("explain: a URL is required, or --ref with the reference of a refusal"); }
  if (url->find("://") == std::string::npos) {
    return wrong_usage(fmt::format(
        "explain: the last word is the URL, such as wss://desk.example.org/vnc; '{}' is none", shown(*url)));
  }
  if (!read_headers(arguments)) { return wrong_usage("explain: a header is written \"name: value\""); }
  arguments.visit.url = std::move(*url);
  return explain_visit(arguments.rules(), arguments.visit);
}

int run_ticket(Arguments& arguments) {
  auto proof = arguments.take_last();
  if (!proof) { return wrong_usage("ticket: the name of a proof is required, one of the rules' tickets"); }
  arguments.ticket.proof = std::move(*proof);
  return ticket(arguments.rules(), arguments.ticket);
}

int run_test(Arguments& arguments) {
  const auto cases = arguments.take_last();
  return cases ? test(arguments.rules(), *cases) : wrong_usage("test: a file of cases is required");
}

}  // namespace

int run(int argc, char** argv) {
  tls::keep_pieces_at_hand();
  CLI::App app("bascule bridges WebSocket to TCP: browsers on one side, the services people run on the other.",
               "bascule");
  app.set_version_flag("--version", "bascule " BASCULE_VERSION);
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::simple);
  app.footer(
      "Exits with 0 when all is well, 1 when it is not, 2 on wrong usage, 3 when 'explain' tells a refusal.\n"
      "See rules/README.md for every key of a rules file.");

  Arguments arguments;
  constexpr unsigned workers_max = 1024;

  CLI::App& serve_verb =
      add_verb(app, "serve", "Serve by rules until SIGTERM or SIGINT.", arguments, "RULES", rules_help);
  serve_verb.add_option("--workers", arguments.workers, "Threads that carry sessions; one a core if not given")
      ->check(CLI::Range(1U, workers_max));

  CLI::App& check_verb = add_verb(app, "check", "Read rules and tell every mistake in them, and what is risky.",
                                  arguments, "RULES", rules_help);
  check_verb.add_flag_callback(
      "--strict", [&arguments] { arguments.warnings = Warnings::mistakes; }, "Take warnings for mistakes");

  CLI::App& show_verb = add_verb(app, "show", "Print the rules with every default and preset written out.", arguments,
                                 "RULES", rules_help);

  CLI::App& explain_verb =
      add_verb(app, "explain", "Tell step by step how a visit would be judged, and where it would be led.", arguments,
               "RULES_AND_URL", "Rules, as for the other verbs; then the URL: wss://desk.example.org/vnc");
  add_visit(explain_verb, arguments);
  explain_verb.add_option("--ref", arguments.reference,
                          "Ask the running process about a refusal instead, by the reference that was told with it");

  CLI::App& test_verb = add_verb(app, "test", "Hold rules against a file of cases.", arguments, "RULES_AND_CASES",
                                 "Rules, as for the other verbs; then the file of cases (YAML)");

  CLI::App& reload_verb = add_verb(app, "reload", "Have the running process take the rules as they are now.", arguments,
                                   "RULES", rules_help);

  CLI::App& ticket_verb =
      add_verb(app, "ticket", "Mint a ticket, with the secret that the rules name.", arguments, "RULES_AND_PROOF",
               "Rules, as for the other verbs; then the name of the ticket's proof");
  add_ticket(ticket_verb, arguments.ticket);

  CLI::App& password_verb =
      *app.add_subcommand("password", "Hash a password, read from standard input, for a file of users.");
  add_password(password_verb, arguments.password);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) { return app.exit(error) == exit_well ? exit_well : exit_wrong_usage; }

  if (serve_verb.parsed()) { return serve(arguments.rules(), arguments.workers); }
  if (check_verb.parsed()) { return check(arguments.rules(), arguments.warnings); }
  if (show_verb.parsed()) { return show(arguments.rules()); }
  if (explain_verb.parsed()) { return run_explain(arguments); }
  if (test_verb.parsed()) { return run_test(arguments); }
  if (reload_verb.parsed()) { return reload(arguments.rules()); }
  if (ticket_verb.parsed()) { return run_ticket(arguments); }
  if (password_verb.parsed()) { return password(arguments.password); }
  return exit_wrong_usage;
}

}  // namespace bascule::app
