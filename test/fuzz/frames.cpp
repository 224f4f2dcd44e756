// Frames as they stream by, beside a slow decoder by the drawing of RFC 6455, section 5.2: the same frames, the same
// borders, an error at the same byte, however the bytes are cut. And what stands in a Close, beside a slow reader of
// it.
//
// Input: 'c' for what a client sends, anything else for what a server sends; then the bytes.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "proxy/wire/ws/close.hpp"
#include "proxy/wire/ws/frame_decoder.hpp"
#include "proxy/wire/ws/mask.hpp"
#include "test/fuzz/fuzz.hpp"
#include "test/fuzz/slow_frames.hpp"

namespace bascule::fuzz {
namespace {

using wire::ws::FrameDecoder;
using wire::ws::Piece;
using wire::ws::Role;

constexpr std::size_t every_cut_up_to = 48;  // bytes; more are cut at one place only

// What a decoder found, as the slow one would tell it.
struct Found {
  std::vector<SlowFrame> frames{};  // `length` is that of the payload: no piece tells what is still to come
  const char* error = nullptr;
  std::size_t taken = 0;
  bool at_border = true;
};

// Unmasked as the relay does it: moved towards the front on the way, by no more than there is room.
std::string unmasked(const Piece& piece) {
  std::string buffer = "moved" + std::string(text_of(piece.payload));
  const std::size_t room = piece.offset % 6;
  std::uint8_t* const to = bytes_of(buffer).data() + 5 - room;
  wire::ws::move_and_mask(to, Bytes(bytes_of(buffer)).subspan(5), piece.key, piece.offset);
  std::string text(text_of({to, piece.payload.size()}));

  std::string in_place(text_of(piece.payload));
  wire::ws::apply_mask(bytes_of(in_place), piece.key, piece.offset);
  require(in_place == text, "moving changes nothing");
  return text;
}

// Follows one decoder through its input.
class Reader {
 public:
  explicit Reader(Role role) : decoder_(role) {}

  // False once there was an error.
  bool read(Bytes input) {
    const Bytes whole = input;
    while (true) {
      const std::size_t before = input.size();
      const Piece piece = decoder_.next(input);
      found_.taken += before - input.size();
      if (piece.is == Piece::Is::need_more) {
        require(input.empty(), "who needs more has taken everything");
        break;
      }
      if (piece.is == Piece::Is::error) {
        require(piece.error != nullptr && *piece.error != '\0', "an error has a reason");
        found_.error = piece.error;
        return false;
      }
      require(input.size() < before, "each piece takes something");
      require(piece.payload.empty() || (piece.payload.data() >= whole.data() && &piece.payload.back() <= &whole.back()),
              "a piece lies in the input");
      note(piece);
    }
    found_.at_border = decoder_.at_message_border();
    return true;
  }

  const Found& found() const { return found_; }

 private:
  void note(const Piece& piece) {
    const auto opcode = static_cast<unsigned>(piece.opcode);
    require((piece.is == Piece::Is::control) == (opcode >= 8), "control frames are told from data");
    require(opcode != 0, "a piece of data has the kind of its message");
    if (frame_done_) {
      require(piece.offset == 0, "a frame begins at its beginning");
      require(piece.is == Piece::Is::control || piece.first_of_message == !in_message_, "the first piece is marked");
      const bool continues = piece.is == Piece::Is::data && in_message_;
      require(!continues || opcode == kind_, "a message is of one kind");
      found_.frames.push_back({.opcode = continues ? 0 : opcode});
    } else {
      require(!piece.first_of_message, "only the first piece is marked as the first");
    }
    SlowFrame& frame = found_.frames.back();
    require(piece.offset == frame.payload.size(), "pieces follow each other");
    frame.payload += unmasked(piece);
    frame.length = frame.payload.size();
    frame.fin = piece.is == Piece::Is::control || piece.last_of_message;
    require(!piece.last_of_message || piece.last_of_frame, "the end of a message is that of a frame");
    frame_done_ = piece.last_of_frame;
    if (piece.is == Piece::Is::control) { return; }
    kind_ = opcode;
    in_message_ = !piece.last_of_message;
  }

  FrameDecoder decoder_;
  Found found_;
  unsigned kind_ = 0;
  bool frame_done_ = true;
  bool in_message_ = false;
};

// The slow decoder's frames as pieces would tell them: nothing of a frame without any payload yet, and no end before
// all of it is there.
std::vector<SlowFrame> as_pieces_tell(std::vector<SlowFrame> frames) {
  if (!frames.empty() && !frames.back().whole()) {
    SlowFrame& last = frames.back();
    last.fin = last.is_control();
    last.length = last.payload.size();
    if (last.payload.empty()) { frames.pop_back(); }
  }
  return frames;
}

const char* compare(const std::vector<Bytes>& pieces, Role role, const SlowFrames& slow) {
  Reader reader(role);
  const bool well = std::all_of(pieces.begin(), pieces.end(), [&](Bytes piece) { return reader.read(piece); });
  const Found& found = reader.found();
  require(well == !slow.broken, "what breaks the protocol is an error, and nothing else is");
  require(well || found.taken == slow.broken_at, "an error is found at its byte");
  require(found.frames == as_pieces_tell(slow.frames), "the frames are the same");
  require(!well || found.at_border == slow.ends_between_messages, "a border is a border");
  return found.error;
}

void check_close(std::string_view payload) {
  const SlowClose slow = slow_close(payload);
  const wire::ws::CloseReading reading = wire::ws::read_close(bytes_of(payload));
  require(reading.body.has_value() == (slow.wrong == 0), "a Close is right or wrong");
  if (!reading.body) {
    require(reading.wrong_code == slow.wrong, "and deserves its close code");
    return;
  }
  require(reading.body->code == slow.code && reading.body->reason == slow.reason, "a Close says what it says");
  require(wire::ws::close_payload(reading.body->code, reading.body->reason) == payload, "and is written the same");
}

// Whatever is to be said fits into a Close, and is cut between characters.
void check_reason(std::string_view reason) {
  if (!slow_utf8(reason).whole()) { return; }
  const std::string payload = wire::ws::close_payload(wire::ws::close_code::normal, reason);
  require(payload.size() <= wire::ws::control_payload_max, "a Close fits into a control frame");
  require(slow_close(payload).wrong == 0, "what we say in a Close is right");
  const std::size_t said = payload.size() - 2;
  require(reason.starts_with(std::string_view(payload).substr(2)), "a reason is cut at its end");
  require(said == reason.size() || said + 4 > wire::ws::control_payload_max - 2, "and not without need");
}

void check(std::string_view text, Role role) {
  const Bytes bytes = bytes_of(text);
  const SlowFrames slow = slow_frames(text, role == Role::server ? SentBy::client : SentBy::server);
  const char* const error = compare({bytes}, role, slow);
  const auto same = [&](const std::vector<Bytes>& pieces) {
    require(compare(pieces, role, slow) == error, "an error is the same however it came");
  };
  same(single_bytes(bytes));
  same(pieces_of(bytes));
  const bool every = bytes.size() <= every_cut_up_to;
  const std::size_t first = every ? 0 : cut_of(bytes);
  for (std::size_t cut = first; cut <= (every ? bytes.size() : first); ++cut) {
    same({bytes.first(cut), bytes.subspan(cut)});
  }
  for (const SlowFrame& frame : slow.frames) {
    if (frame.opcode == 8 && frame.whole()) { check_close(frame.payload); }
    check_reason(frame.payload);
  }
}

}  // namespace
}  // namespace bascule::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bascule;
  if (size == 0) { return 0; }
  const std::string_view text = text_of(Bytes(data, size));
  fuzz::check(text.substr(1), text.front() == 'c' ? wire::ws::Role::server : wire::ws::Role::client);
  return 0;
}
