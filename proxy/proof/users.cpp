#include "proxy/proof/users.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/base/utf8.hpp"
#include "proxy/proof/password.hpp"
#include "proxy/proof/secret.hpp"

namespace bascule::proof {
namespace {

// Of a long password that nobody has kept: for a list without users.
constexpr std::string_view nobodys_hash = "$y$j9T$KcqgWFpR6RformJNzn9XT0$hRx1IkAWxwMZQ.PKlbXwF00vExkwkM5dwk0RFseeJs3";

constexpr std::size_t name_bytes_max = 255;

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) { line.remove_suffix(1); }
  return line;
}

}  // namespace

UserList UserList::parse(std::string_view text) {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (text.starts_with(byte_order_mark)) { text.remove_prefix(byte_order_mark.size()); }
  UserList list;
  for (int number = 1; !text.empty(); ++number) { list.read_line(take_line(text), number); }
  list.keep_the_first_of_each_name();
  list.drop_the_refused();
  std::stable_sort(list.complaints_.begin(), list.complaints_.end(),
                   [](const Complaint& a, const Complaint& b) { return a.line < b.line; });
  if (list.complaints_.size() > complaints_max) { list.complaints_.resize(complaints_max); }
  return list;
}

void UserList::read_line(std::string_view line, int number) {
  if (trimmed(line).empty() || line.starts_with('#')) { return; }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) {
    complaints_.push_back({number, "no colon: a line reads user:hash"});
    return;
  }
  const std::string_view name = line.substr(0, colon);
  if (name.empty() || name.size() > name_bytes_max || !is_clean_text(name)) {
    complaints_.push_back({number, "no name in front of the colon, or one that is too long or no UTF-8 text"});
    return;
  }
  const std::string_view rest = line.substr(colon + 1);
  const std::string_view hash = trimmed(rest.substr(0, rest.find(':')));
  users_.push_back({std::string(name), std::string(hash), number});
}

void UserList::keep_the_first_of_each_name() {
  std::stable_sort(users_.begin(), users_.end(), [](const User& a, const User& b) { return a.name < b.name; });
  std::vector<User> kept;
  kept.reserve(users_.size());
  for (User& user : users_) {
    if (!kept.empty() && kept.back().name == user.name) {
      complaints_.push_back({user.line, fmt::format("'{}' stands in line {} already; that one holds", shown(user.name),
                                                    kept.back().line)});
    } else {
      kept.push_back(std::move(user));
    }
  }
  users_ = std::move(kept);
}

void UserList::drop_the_refused() {
  const auto refused = [this](const User& user) {
    const HashStrength strength = strength_of(user.hash);
    if (strength == HashStrength::weak) { weak_.push_back(user.name); }
    if (strength != HashStrength::refused) { return false; }
    complaints_.push_back({user.line, fmt::format("'{}' cannot come in: what stands behind the name is no hash of a "
                                                  "kind that is taken; 'bascule password' makes one",
                                                  shown(user.name))});
    return true;
  };
  std::erase_if(users_, refused);
}

std::string_view UserList::hash_of(std::string_view user) const {
  const auto found = std::lower_bound(users_.begin(), users_.end(), user,
                                      [](const User& each, std::string_view name) { return each.name < name; });
  if (found == users_.end() || found->name != user) { return {}; }
  return found->hash;
}

std::string_view UserList::stand_in_for(std::string_view user, std::string_view key) const {
  if (users_.empty()) { return nobodys_hash; }
  const std::string code = hmac_sha256(key, user);
  std::size_t number = 0;
  for (std::size_t at = 0; at < sizeof number; ++at) { number = number << 8U | static_cast<std::uint8_t>(code[at]); }
  return users_[number % users_.size()].hash;
}

}  // namespace bascule::proof
