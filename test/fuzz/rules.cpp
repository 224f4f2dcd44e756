// Rules files: any text is either rules, or mistakes that say where and what; rules are shown as a file that says the
// same.
#include <algorithm>
#include <string>

#include "proxy/config/read_rules.hpp"
#include "proxy/config/show.hpp"
#include "test/fuzz/fuzz.hpp"

namespace bascule::fuzz {
namespace {

bool same_rules(const policy::Rules& a, const policy::Rules& b) {
  const auto same_route = [](const auto& x, const auto& y) { return *x == *y; };
  const auto same_service = [](const auto& x, const auto& y) { return x.first == y.first && *x.second == *y.second; };
  return a.listeners == b.listeners && a.process == b.process &&
         std::equal(a.routes.begin(), a.routes.end(), b.routes.begin(), b.routes.end(), same_route) &&
         std::equal(a.services.begin(), a.services.end(), b.services.begin(), b.services.end(), same_service);
}

void check_mistakes(const config::Mistakes& mistakes) {
  for (const config::Mistake& mistake : mistakes) {
    require(!mistake.text.empty(), "a mistake says what it is");
    require(mistake.place.file == "fuzz.yaml", "a mistake says where it is", mistake.place.file);
    require_printable(mistake.text, "a mistake is safe to print");
  }
}

void check_shown(const policy::Rules& rules) {
  const std::string shown = config::show_rules(rules);
  const auto again = config::read_rules(shown, "fuzz.yaml");
  require(again.ok(), "what is shown is a rules file", again.ok() ? shown : again.error().front().text + "\n" + shown);
  require(same_rules(again->rules, rules), "what is shown says the same", shown);
  require(config::show_rules(again->rules) == shown, "what is shown is shown the same again", shown);
}

}  // namespace
}  // namespace bascule::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bascule;
  const auto reading = config::read_rules(text_of(Bytes(data, size)), "fuzz.yaml");
  if (!reading) {
    fuzz::require(!reading.error().empty(), "what is refused has a mistake");
    fuzz::check_mistakes(reading.error());
    return 0;
  }
  fuzz::check_mistakes(reading->warnings);
  fuzz::check_shown(reading->rules);
  return 0;
}
