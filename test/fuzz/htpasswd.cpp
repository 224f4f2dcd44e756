// Lists of users: whatever stands in the file, reading it ends, and who is in it can be found.
#include <string>

#include "proxy/proof/password.hpp"
#include "proxy/proof/users.hpp"
#include "test/fuzz/fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bascule;
  using namespace bascule::fuzz;
  const std::string_view text = text_of(Bytes(data, size));
  const auto list = proof::UserList::parse(text);
  int line = 0;
  for (const auto& complaint : list.complaints()) {
    require(complaint.line >= line, "complaints stand in their order");
    line = complaint.line;
    require_printable(complaint.text, "a complaint is safe to print");
  }
  require(list.complaints().size() <= proof::UserList::complaints_max, "there are not too many complaints");
  require(list.weak().size() <= list.size(), "weak hashes are among the others");
  for (const std::string& user : list.weak()) {
    require(proof::strength_of(list.hash_of(user)) == proof::HashStrength::weak, "who has a weak hash is there");
  }
  const std::string_view stand_in = list.stand_in_for(text.substr(0, 16), "key");
  require(proof::strength_of(stand_in) != proof::HashStrength::refused, "who stands in costs what somebody costs");
  require(stand_in == list.stand_in_for(text.substr(0, 16), "key"), "and is always the same");

  // The same behind a byte order mark, and with other line ends.
  std::string other = "\xef\xbb\xbf";
  for (const char c : text) { other += c == '\n' ? "\r\n" : std::string(1, c); }
  const bool plain = text.find('\r') == std::string_view::npos && !text.starts_with("\xef\xbb\xbf");
  require(!plain || proof::UserList::parse(other).size() == list.size(), "line ends do not count");
  return 0;
}
