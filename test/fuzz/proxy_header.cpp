// PROXY headers of both versions: cut anywhere they read the same, and what was read is written and read again.
#include "proxy/wire/proxy_header.hpp"

#include <string>
#include <vector>

#include "test/fuzz/fuzz.hpp"

namespace bascule::fuzz {
namespace {

using wire::ProxyHeader;
using wire::ProxyHeaderReader;
using State = ProxyHeaderReader::State;

struct Outcome {
  State state = State::incomplete;
  std::size_t taken = 0;
  std::string why{};
  ProxyHeader header{};

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome read(const std::vector<Bytes>& pieces) {
  ProxyHeaderReader reader;
  Outcome outcome;
  for (const Bytes piece : pieces) { outcome.taken += reader.feed(piece); }
  outcome.state = reader.state();
  if (outcome.state == State::failed) { outcome.why = reader.why(); }
  if (outcome.state == State::complete) { outcome.header = reader.header(); }
  return outcome;
}

void check_header(const ProxyHeader& header) {
  require_printable(header.authority, "the name is safe to print");
  require_printable(header.source.text(), "the source is safe to print");
  require(header.source == header.source.unmapped(), "a mapped address is shown as what it is");
  require(!header.local || !header.source.is_ip(), "who speaks for himself tells no visitor");
  if (!header.source.is_ip()) { return; }
  for (const auto version : {wire::ProxyVersion::v1, wire::ProxyVersion::v2}) {
    const std::string written = wire::proxy_header(version, header.source, header.destination);
    const Outcome again = read({bytes_of(std::string_view(written))});
    require(again.state == State::complete && again.taken == written.size(), "what was written is read", written);
    require(again.header.source == header.source, "the source stays the same", written);
    require(again.header.destination == header.destination, "the destination stays the same", written);
  }
}

}  // namespace
}  // namespace bascule::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bascule;
  using namespace bascule::fuzz;
  const Bytes input(data, size);
  const Outcome whole = read({input});
  require(read(single_bytes(input)) == whole, "byte by byte it is the same");
  require(read(pieces_of(input)) == whole, "in pieces it is the same");
  const std::size_t cut = cut_of(input);
  require(read({input.first(cut), input.subspan(cut)}) == whole, "cut in two it is the same");
  require(whole.taken <= ProxyHeaderReader::v2_bytes_max, "no header is longer than the longest");
  if (whole.state == State::incomplete) {
    require(whole.taken == size, "an incomplete header takes everything");
    return 0;
  }
  const Outcome before = read({input.first(whole.taken - 1)});
  require(before.state == State::incomplete, "the last byte that was taken is the one that decided");
  if (whole.state == State::complete) { check_header(whole.header); }
  return 0;
}
