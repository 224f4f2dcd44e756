#include "proxy/wire/http/forwarded.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "proxy/base/text.hpp"
#include "proxy/wire/http/characters.hpp"

namespace bascule::wire::http {
namespace {

constexpr std::size_t hops_max = 32;

enum class Quotes : std::uint8_t { are_text, hide_commas };

// The items of a list that may stand in several fields, the last one first. Empty ones are no items (RFC 9110, section
// 5.6.1.2). What it gives depends only on what stands to the right of it, so nobody can spoil it from the left: not
// with a quote that is never closed, nor with a field of his own in front.
class ItemsFromTheRight {
 public:
  ItemsFromTheRight(const RequestHead& head, std::string_view name, Quotes quotes)
      : fields_(head.fields), left_(head.fields.size()), name_(name), quotes_(quotes) {}

  std::optional<std::string_view> next() {
    while (true) {
      if (!in_field_ && !open_field()) { return std::nullopt; }
      const std::size_t begin = item_begin();
      const std::string_view item = trimmed(rest_.substr(begin));
      in_field_ = begin > 0;
      rest_ = rest_.substr(0, in_field_ ? begin - 1 : 0);
      if (!item.empty()) { return item; }
    }
  }

 private:
  bool open_field() {
    while (left_ > 0) {
      const Field& field = fields_[--left_];
      if (field.name != name_) { continue; }
      rest_ = field.value;
      in_field_ = true;
      return true;
    }
    return false;
  }

  // Behind the last comma that is not within quotes.
  std::size_t item_begin() const {
    if (quotes_ == Quotes::are_text) { return rest_.rfind(',') + 1; }  // npos + 1 is 0
    bool quoted = false;
    for (std::size_t at = rest_.size(); at > 0; --at) {
      const char c = rest_[at - 1];
      if (c == '"') {
        if (!quoted || !is_escaped(at - 1)) { quoted = !quoted; }
      } else if (c == ',' && !quoted) {
        return at;
      }
    }
    return 0;
  }

  // An odd number of backslashes stands in front of it. They are looked at once more when the loop above comes by.
  bool is_escaped(std::size_t at) const {
    std::size_t first = at;
    while (first > 0 && rest_[first - 1] == '\\') { --first; }
    return (at - first) % 2 == 1;
  }

  const std::vector<Field>& fields_;
  std::size_t left_;  // fields that are not read yet
  std::string_view name_;
  Quotes quotes_;
  bool in_field_ = false;
  std::string_view rest_;  // of the field being read
};

// RFC 7239, section 6.3: one underscore, then at least one of these.
bool is_obfuscated(std::string_view text) {
  if (text.size() < 2 || text.front() != '_') { return false; }
  return std::all_of(text.begin() + 1, text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '.' || c == '_' || c == '-';
  });
}

// 0 for a port that is hidden; nothing for what is no port.
std::optional<std::uint16_t> parse_port(std::string_view text) {
  if (is_obfuscated(text)) { return std::uint16_t{0}; }
  const auto port = parse_decimal(text, std::numeric_limits<std::uint16_t>::max());
  if (!port || text.size() > 5) { return std::nullopt; }
  return static_cast<std::uint16_t>(*port);
}

// A node of RFC 7239, section 6, and what stands in X-Forwarded-For, where IPv6 comes without brackets too.
std::optional<Address> parse_node(std::string_view text) {
  if (const auto alone = Address::parse_ip(text, 0)) { return alone->unmapped(); }

  std::uint16_t port = 0;
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos) {
    const auto parsed = parse_port(text.substr(colon + 1));
    if (!parsed) { return std::nullopt; }
    port = *parsed;
    text = text.substr(0, colon);
    const auto address = Address::parse_ip(text, port);
    // "1:2:3:4:5:6:7:8:80" could be read this way; but IPv6 with a port has brackets.
    const bool bare_ipv6 = address && address->family() == Address::Family::ipv6 && !text.starts_with('[');
    if (address && !bare_ipv6) { return address->unmapped(); }
  }
  if (same_ignoring_case(text, "unknown") || is_obfuscated(text)) { return Address(); }
  return std::nullopt;
}

// RFC 3986, section 3.1, in lower case; nothing for what is no scheme.
std::optional<std::string> parse_scheme(std::string_view text) {
  constexpr std::size_t scheme_bytes_max = 16;
  std::string scheme = lowered(text.substr(0, scheme_bytes_max + 1));
  if (scheme.empty() || scheme.size() > scheme_bytes_max) { return std::nullopt; }
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  if (!is_letter(scheme.front())) { return std::nullopt; }
  const bool plain = std::all_of(scheme.begin(), scheme.end(), [&is_letter](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  });
  if (!plain) { return std::nullopt; }
  return scheme;
}

// What may stand in a value without quotes. RFC 7239 wants a token; many send "host=example.org:8080" all the same, and
// it can be read in one way only.
bool is_bare(char c) {
  return is_in(target_characters, c) && c != '"' && c != ',' && c != ';' && c != '\\';
}

// A value with or without quotes off the front of `rest`.
std::optional<std::string> take_value(std::string_view& rest) {
  std::string value;
  if (!rest.starts_with('"')) {
    const auto* const end = std::find_if_not(rest.begin(), rest.end(), is_bare);
    value.assign(rest.begin(), end);
    rest.remove_prefix(value.size());
    if (value.empty()) { return std::nullopt; }
    return value;
  }
  for (std::size_t at = 1; at < rest.size(); ++at) {
    if (rest[at] == '"') {
      rest.remove_prefix(at + 1);
      return value;
    }
    if (rest[at] == '\\' && ++at == rest.size()) { break; }
    value.push_back(rest[at]);
  }
  return std::nullopt;  // not closed
}

// Puts one parameter where it belongs; those that nobody here asks for (`by`, extensions) are only read over.
bool put(ForwardedHop& hop, std::string_view name, const std::string& value) {
  if (name == "for") {
    const auto client = parse_node(value);
    if (!client) { return false; }
    hop.client = *client;
  } else if (name == "proto") {
    auto scheme = parse_scheme(value);
    if (!scheme) { return false; }
    hop.proto = std::move(*scheme);
  } else if (name == "host") {
    hop.host = value;
  }
  return true;
}

// A forwarded-element of RFC 7239, section 4; white space around its semicolons is common and harmless.
std::optional<ForwardedHop> parse_element(std::string_view rest) {
  constexpr std::array<std::string_view, 3> parameters{"for", "proto", "host"};
  std::array<bool, parameters.size()> seen{};
  ForwardedHop hop;
  while (true) {
    rest = trimmed(rest);
    if (!rest.empty() && rest.front() != ';') {
      const std::size_t equals = rest.find('=');
      if (equals == std::string_view::npos || !is_token(rest.substr(0, equals))) { return std::nullopt; }
      const std::string name = lowered(rest.substr(0, equals));
      rest.remove_prefix(equals + 1);
      const auto value = take_value(rest);
      if (!value || !put(hop, name, *value)) { return std::nullopt; }
      // "Each parameter MUST NOT occur more than once": which of two would be the true one?
      const auto* const single = std::find(parameters.begin(), parameters.end(), name);
      if (single != parameters.end()) {
        bool& before = seen[static_cast<std::size_t>(single - parameters.begin())];
        if (before) { return std::nullopt; }
        before = true;
      }
      rest = trimmed(rest);
    }
    if (rest.empty()) { return hop; }
    if (rest.front() != ';') { return std::nullopt; }
    rest.remove_prefix(1);
  }
}

// X-Forwarded-Proto or -Host for each hop, both from the right.
class Companions {
 public:
  Companions(const RequestHead& head, std::string_view name) {
    ItemsFromTheRight items(head, name, Quotes::are_text);
    while (items_.size() < hops_max) {
      const auto item = items.next();
      if (!item) { return; }
      items_.push_back(*item);
    }
  }

  std::string_view of(std::size_t from_the_right) const {
    if (items_.size() == 1) { return items_.front(); }
    return from_the_right < items_.size() ? items_[from_the_right] : std::string_view();
  }

 private:
  std::vector<std::string_view> items_;
};

}  // namespace

ForwardedHops forwarded_hops(const RequestHead& head, ForwardingField field) {
  const bool rfc7239 = field == ForwardingField::forwarded;
  ForwardedHops result;
  ItemsFromTheRight items(head, name_of(field), rfc7239 ? Quotes::hide_commas : Quotes::are_text);
  while (const auto item = items.next()) {
    std::optional<ForwardedHop> hop;
    if (result.hops.size() < hops_max) {
      if (rfc7239) {
        hop = parse_element(*item);
      } else if (auto client = parse_node(*item)) {
        hop = ForwardedHop{.client = std::move(*client)};
      }
    }
    if (!hop) {
      result.malformed_before = true;
      break;
    }
    result.hops.push_back(std::move(*hop));
  }

  if (!rfc7239) {
    const Companions protos(head, "x-forwarded-proto");
    const Companions hosts(head, "x-forwarded-host");
    for (std::size_t i = 0; i < result.hops.size(); ++i) {
      result.hops[i].proto = parse_scheme(protos.of(i)).value_or("");
      result.hops[i].host = hosts.of(i);
    }
  }
  std::reverse(result.hops.begin(), result.hops.end());
  return result;
}

std::string_view name_of(ForwardingField field) {
  return field == ForwardingField::forwarded ? "forwarded" : "x-forwarded-for";
}

}  // namespace bascule::wire::http
