// Files of cases for `bascule test`: any text at all is read or refused with a place and a sentence, and an expectation
// that is understood is understood the same again.
#include "proxy/config/cases.hpp"

#include <string>

#include "test/fuzz/fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bascule;
  using namespace bascule::fuzz;
  const std::string_view text = text_of(Bytes(data, size));
  const auto read = config::read_cases(text, "fuzz.yaml");
  if (!read) {
    require(!read.error().empty(), "what is refused has a mistake");
    for (const auto& mistake : read.error()) {
      require(!mistake.text.empty() && mistake.place.file == "fuzz.yaml", "a mistake says what and where it is");
      require_printable(mistake.text, "a mistake is safe to print");
    }
  } else {
    for (const auto& one : *read) {
      require(one.place.file == "fuzz.yaml" && one.place.line > 0, "a case has its place");
      require(!one.visit.url.empty(), "a case asks for something");
      const auto again = config::parse_expectation(one.expect.written);
      require(again.ok() && again->end == one.expect.end && again->route == one.expect.route,
              "an expectation says the same again");
    }
  }
  const auto expectation = config::parse_expectation(text);
  if (!expectation) { require_printable(expectation.error().text, "a mistake is safe to print"); }
  return 0;
}
