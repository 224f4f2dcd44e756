// Forwarded and X-Forwarded-For: what stands on the left never changes what is read on the right, and what was read can
// be written and read again.
//
// Input: one field a line, "name: value".
#include "proxy/wire/http/forwarded.hpp"

#include <algorithm>
#include <string>

#include "proxy/base/text.hpp"
#include "proxy/wire/http/characters.hpp"
#include "test/fuzz/fuzz.hpp"

namespace bascule::fuzz {
namespace {

using namespace wire::http;

// Only what the parser of heads lets through.
RequestHead head_of(std::string_view text) {
  RequestHead head;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    const std::size_t colon = std::min(line.find(':'), line.size());
    const std::string_view value = trimmed(line.substr(std::min(colon + 1, line.size())));
    const auto fits = [](char c) { return is_in(value_characters, c); };
    if (!is_token(line.substr(0, colon)) || !std::all_of(value.begin(), value.end(), fits)) { continue; }
    head.fields.push_back({lowered(line.substr(0, colon)), std::string(value)});
  }
  return head;
}

bool same_client_on_the_right(const ForwardedHops& few, const ForwardedHops& many) {
  if (many.hops.size() < few.hops.size()) { return false; }
  return std::equal(few.hops.rbegin(), few.hops.rend(), many.hops.rbegin(),
                    [](const ForwardedHop& a, const ForwardedHop& b) { return a.client == b.client; });
}

// In the grammar of RFC 7239.
std::string written(const ForwardedHops& read) {
  std::string text;
  for (const ForwardedHop& hop : read.hops) {
    if (!text.empty()) { text += ", "; }
    text += "for=\"" + (hop.client.is_ip() ? hop.client.text() : "unknown") + '"';
    if (!hop.proto.empty()) { text += ";proto=" + hop.proto; }
    if (hop.host.empty()) { continue; }
    text += ";host=\"";
    for (const char c : hop.host) {
      if (c == '"' || c == '\\') { text += '\\'; }
      text += c;
    }
    text += '"';
  }
  return text;
}

void check(const RequestHead& head, ForwardingField field) {
  const ForwardedHops read = forwarded_hops(head, field);
  require(read.hops.size() <= 32, "at most 32 hops are read");
  for (const ForwardedHop& hop : read.hops) {
    require(hop.client.is_ip() || hop.client == Address(), "a client is an address, or not told");
    require(hop.client == hop.client.unmapped(), "a mapped address is shown as what it is");
    require(lowered(hop.proto) == hop.proto, "a proto is in lower case");
  }

  // Whoever sends a field writes to the left of what proxies add.
  for (const std::string_view garbage : {"\"", "for=\"", "evil", "\\"}) {
    RequestHead forged = head;
    forged.fields.insert(forged.fields.begin(), {std::string(name_of(field)), std::string(garbage)});
    const ForwardedHops in_front = forwarded_hops(forged, field);
    require(same_client_on_the_right(read, in_front) && in_front.hops.size() == read.hops.size(),
            "a field in front changes no hop", garbage);
    require(in_front.malformed_before, "a malformed field in front is seen", garbage);

    const auto mine = std::find_if(forged.fields.begin() + 1, forged.fields.end(),
                                   [field](const Field& each) { return each.name == name_of(field); });
    if (mine == forged.fields.end()) { continue; }
    forged.fields.erase(forged.fields.begin());
    mine[-1].value.insert(0, std::string(garbage) + ",");
    const ForwardedHops on_the_left = forwarded_hops(forged, field);
    require(same_client_on_the_right(read, on_the_left), "an item on the left changes no hop", garbage);
  }

  RequestHead again;
  again.fields.push_back({"forwarded", written(read)});
  const ForwardedHops reread = forwarded_hops(again, ForwardingField::forwarded);
  require(!reread.malformed_before, "what was written is read", again.fields[0].value);
  require(written(reread) == written(read), "it says the same", again.fields[0].value);
}

}  // namespace
}  // namespace bascule::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bascule;
  const auto head = fuzz::head_of(text_of(Bytes(data, size)));
  fuzz::check(head, wire::http::ForwardingField::x_forwarded_for);
  fuzz::check(head, wire::http::ForwardingField::forwarded);
  return 0;
}
