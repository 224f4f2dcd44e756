// UTF-8 as it streams by, beside a slow decoder by the grammar of RFC 3629: the same verdict at the same byte (fail
// fast), however the text is cut.
#include "proxy/base/utf8.hpp"

#include <algorithm>
#include <string_view>

#include "test/fuzz/fuzz.hpp"
#include "test/fuzz/slow_utf8.hpp"

namespace bascule::fuzz {
namespace {

constexpr std::size_t every_cut_up_to = 96;  // bytes; a longer text is cut at one place only

// Gives how many bytes were accepted before the piece that was not, all of them where none was refused.
std::size_t accept(const std::vector<Bytes>& pieces, const SlowUtf8& slow) {
  Utf8Check check;
  std::size_t accepted = 0;
  for (const Bytes piece : pieces) {
    const bool fits = check.accept(piece);
    require(fits == (slow.wrong_at >= accepted + piece.size()), "a piece is refused when a byte of it is wrong");
    if (!fits) { return accepted; }
    accepted += piece.size();
  }
  require(check.complete() == slow.whole(), "a text may end where its last character does");
  require(check.unfinished() == slow.unfinished, "what is unfinished is counted");
  return accepted;
}

void check_every_prefix(std::string_view text) {
  Utf8Check check;
  for (std::size_t size = 1; size <= text.size(); ++size) {
    const SlowUtf8 slow = slow_utf8(text.substr(0, size));
    const bool fits = check.accept(bytes_of(text.substr(size - 1, 1)));
    require(fits == slow.begins(), "a byte is refused when nothing could mend it");
    if (!fits) { return; }
    require(check.complete() == slow.whole() && check.unfinished() == slow.unfinished, "each byte counts once");
  }
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
}

void check(std::string_view text) {
  const Bytes bytes = bytes_of(text);
  const SlowUtf8 slow = slow_utf8(text);
  accept({bytes}, slow);
  accept(pieces_of(bytes), slow);
  const std::size_t accepted = accept(single_bytes(bytes), slow);
  require(accepted == std::min(slow.wrong_at, text.size()), "the first wrong byte is the one that is refused");

  if (text.size() <= every_cut_up_to) {
    check_every_prefix(text);
    for (std::size_t cut = 0; cut <= text.size(); ++cut) { accept({bytes.first(cut), bytes.subspan(cut)}, slow); }
  } else {
    const std::size_t cut = cut_of(bytes);
    accept({bytes.first(cut), bytes.subspan(cut)}, slow);
  }
  require(is_clean_text(text) == (slow.whole() && !has_control(text)), "clean text is UTF-8 without controls");
}

}  // namespace
}  // namespace bascule::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bascule::fuzz::check(bascule::text_of(bascule::Bytes(data, size)));
  return 0;
}
