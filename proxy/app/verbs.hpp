// The verbs of the command line, one function each. What they find is printed on standard output, mistakes and warnings
// on standard error; with `--json` all of it is one JSON text on standard output.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proxy/config/cases.hpp"

namespace bascule::app {

// Exit statuses of the process.
inline constexpr int exit_well = 0;
inline constexpr int exit_not_well = 1;
inline constexpr int exit_wrong_usage = 2;
inline constexpr int exit_refused = 3;  // `explain`: the rules are well, and they refuse this visit

enum class Output { text, json };

struct CommonOptions {
  std::vector<std::string> rules;  // files and folders, in the order given
  Output output = Output::text;
};

enum class Warnings { told, mistakes };

int serve(const CommonOptions& options, std::optional<unsigned> workers);
int check(const CommonOptions& options, Warnings warnings);
int show(const CommonOptions& options);
int explain_visit(const CommonOptions& options, const config::DescribedVisit& visit);
int explain_reference(const CommonOptions& options, const std::string& reference);
int test(const CommonOptions& options, const std::string& cases);
int reload(const CommonOptions& options);

}  // namespace bascule::app
