// Token tables: no line does harm, each is an entry, a comment or a complaint, and an entry is read as it is written.
#include "proxy/policy/table.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "proxy/base/text.hpp"
#include "test/fuzz/fuzz.hpp"

namespace bascule::fuzz {
namespace {

// Every text that could be a key: what stands in front of some colon of a line.
std::set<std::string> possible_keys(std::string_view text) {
  std::set<std::string> keys;
  if (text.starts_with("\xef\xbb\xbf")) { text.remove_prefix(3); }
  while (!text.empty()) {
    const std::string_view line = trimmed(take_line(text));
    for (std::size_t colon = line.find(':'); colon != std::string_view::npos; colon = line.find(':', colon + 1)) {
      keys.insert(std::string(trimmed(line.substr(0, colon))));
    }
  }
  return keys;
}

void check(std::string_view text) {
  policy::Table table;
  table.add(text, "tokens");

  std::size_t found = 0;
  for (const std::string& key : possible_keys(text)) {
    const policy::Endpoint* entry = table.find(key);
    if (entry == nullptr) { continue; }
    ++found;
    const std::string line = key + ": " + entry->text();
    require_printable(entry->text(), "a target is safe to print");
    policy::Table again;
    again.add("\n" + line + "\r\n", "again");  // not at the very beginning, where a byte order mark would be none of it
    const policy::Endpoint* reread = again.find(key);
    require(reread != nullptr && *reread == *entry, "an entry is read as it is written", line);
    require(again.complaints().empty(), "an entry that is written has no mistake", line);
  }
  require(found == table.size(), "there is no entry that nobody wrote");

  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  require(table.complaints().size() <= 100, "nobody reads more than 100 complaints");
  for (const policy::Table::Complaint& complaint : table.complaints()) {
    require(complaint.line > 0 && static_cast<std::size_t>(complaint.line) <= lines, "a complaint names its line");
    require_printable(complaint.text, "a complaint is safe to print");
  }
  require(table.size() + table.complaints().size() <= lines, "a line is an entry or a complaint, never both");

  // What is added twice says the same.
  policy::Table twice;
  twice.add(text, "tokens");
  twice.add(text, "tokens");
  require(twice.size() == table.size(), "the same file twice has the same keys");
}

}  // namespace
}  // namespace bascule::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bascule::fuzz::check(bascule::text_of(bascule::Bytes(data, size)));
  return 0;
}
