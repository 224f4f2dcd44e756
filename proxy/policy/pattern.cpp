// How it works: a pattern becomes a small program, and a text runs through it in all ways at once.
//
// Instructions are of three kinds (K. Thompson, "Regular Expression Search Algorithm", 1968; the form of a program is
// R. Pike's):
//
//   take S     the next byte is one of the set S; go on behind this instruction
//   fork N     go on behind this instruction, and also N instructions further
//   jump N     go on N instructions further
//
// and the end of the program means that the pattern has matched. "a(b|c)*" reads
//
//   0 take a      1 fork +5 (to the end)      2 fork +3      3 take b      4 jump +2      5 take c      6 jump -5
//
// (`|` is a fork in front of the first branch and a jump behind it; `*` is a fork in front and a jump back).
//
// A backtracking engine tries one way after the other and may need exponential time: "(a*)*b" against a row of a's is
// the classic. Here the machine is in a *set* of places. Each byte moves the whole set on, each place is in the set at
// most once, and so a text of n bytes costs n times the size of the program at the most, whatever both are.
//
// Since jumps are relative, the program of a part can be put anywhere, and twice: "x{3}" is three copies of "x".
#include "proxy/policy/pattern.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bitset>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "proxy/base/text.hpp"

namespace bascule::policy {

namespace {

constexpr std::size_t states_max = 4096;
constexpr std::size_t bytes_max = 4096;  // of what is written
constexpr unsigned depth_max = 50;       // of groups within groups
constexpr unsigned repeat_max = 1000;

using ByteSet = std::bitset<256>;

struct Instruction {
  enum class Do : std::uint8_t { take, fork, jump };
  Do what = Do::jump;
  std::uint16_t set = 0;  // take: the number of its set
  std::int32_t by = 0;    // fork and jump: how far
};
using Code = std::vector<Instruction>;

std::size_t number(char c) {
  return static_cast<std::uint8_t>(c);
}

bool is_ascii(char c) {
  return number(c) < 0x80;
}

// A byte of a UTF-8 character that is not its first.
bool is_continuation(char c) {
  return (number(c) & 0xc0) == 0x80;
}

bool is_punctuation(char c) {
  return c > ' ' && c < 0x7f && !(c >= '0' && c <= '9') && !(lower(c) >= 'a' && lower(c) <= 'z');
}

ByteSet range(char first, char last) {
  ByteSet set;
  for (std::size_t byte = number(first); byte <= number(last); ++byte) { set.set(byte); }
  return set;
}

ByteSet digits() {
  return range('0', '9');
}

ByteSet word_characters() {
  ByteSet set = range('a', 'z') | range('A', 'Z') | digits();
  set.set(number('_'));
  return set;
}

// Reads a pattern from left to right and gives the program:
//
//   pattern = branch *( "|" branch )
//   branch  = *( atom [ "*" / "+" / "?" / "{" n "}" / "{" n "," [ m ] "}" ] )
//   atom    = character / "." / class / escape / "(" pattern ")"
//
// A part that fails gives nothing, and `error` has the reason.
class Compiler {
 public:
  explicit Compiler(std::string_view text) : text_(text) {}

  std::optional<Code> whole() {
    auto code = alternatives(0);
    if (code && !done()) { return fail("')' without '('; for the character itself write '\\)'"); }
    return code;
  }

  std::vector<ByteSet> take_sets() { return std::move(sets_); }
  const std::string& error() const { return error_; }

 private:
  std::optional<Code> alternatives(unsigned depth) {
    if (depth > depth_max) { return fail(fmt::format("more than {} groups within each other", depth_max)); }
    auto code = branch(depth);
    while (code && take('|')) {
      auto other = branch(depth);
      if (!other) { return std::nullopt; }
      code = either(*code, *other);
    }
    return code;
  }

  std::optional<Code> branch(unsigned depth) {
    Code code;
    while (!done() && peek() != '|' && peek() != ')') {
      auto next = atom(depth);
      if (next) { next = repeated(std::move(*next)); }
      if (!next || !fits(code.size() + next->size())) { return std::nullopt; }
      code.insert(code.end(), next->begin(), next->end());
    }
    return code;
  }

  std::optional<Code> atom(unsigned depth) {
    const char c = text_[at_++];
    switch (c) {
      case '(': return group(depth);
      case '[': return character_class();
      case '.': return one_of(~ByteSet());
      case '\\': {
        const auto set = escaped();
        return set ? std::optional(one_of(*set)) : std::nullopt;
      }
      case '*':
      case '+':
      case '?':
        return fail(fmt::format("nothing in front of '{0}' to repeat; for the character itself write '\\{0}'", c));
      case '^':
      case '$': return fail(fmt::format("a pattern always means the whole segment; leave '{}' out", c));
      case '{':
      case '}':
      case ']': return fail(fmt::format("'{0}' has a meaning of its own; for the character itself write '\\{0}'", c));
      default: return character(c);
    }
  }

  // One byte, or the bytes of one character of UTF-8, so that a repeat behind it means all of them.
  Code character(char first) {
    Code code = one_of(range(first, first));
    while (!is_ascii(first) && !done() && is_continuation(peek())) {
      const char c = text_[at_++];
      code.push_back(one_of(range(c, c)).front());
    }
    return code;
  }

  std::optional<Code> group(unsigned depth) {
    if (take('?')) { return fail("groups are written '(' and ')' only, without '?' behind the '('"); }
    auto code = alternatives(depth + 1);
    if (code && !take(')')) { return fail("'(' without ')'; for the character itself write '\\('"); }
    return code;
  }

  // Behind the backslash.
  std::optional<ByteSet> escaped() {
    if (!done()) {
      const char c = text_[at_++];
      if (c == 'd') { return digits(); }
      if (c == 'w') { return word_characters(); }
      if (is_punctuation(c)) { return range(c, c); }
    }
    error_ = R"(behind '\' stands 'd' (a digit), 'w' (a letter, digit or '_') or a punctuation mark)";
    return std::nullopt;
  }

  // Behind the '['.
  std::optional<Code> character_class() {
    const bool inverted = take('^');
    ByteSet set;
    bool any = false;
    while (!done() && peek() != ']') {
      const auto item = class_item();
      if (!item) { return std::nullopt; }
      set |= *item;
      any = true;
    }
    if (!take(']')) { return fail("'[' without ']'; for the character itself write '\\['"); }
    if (!any) { return fail("'[]' has nothing in it; for a ']' in a class write '\\]'"); }
    return one_of(inverted ? ~set : set);
  }

  // A character, a range of them, or an escape. A '-' that is first or last stands for itself.
  std::optional<ByteSet> class_item() {
    std::optional<ByteSet> set = class_character();
    const bool is_range = set && text_.substr(at_).starts_with('-') && !text_.substr(at_).starts_with("-]");
    if (!is_range) { return set; }
    ++at_;
    if (done()) { return set; }  // the ']' that is missing is the caller's complaint
    const std::optional<ByteSet> last = class_character();
    if (!last) { return std::nullopt; }
    if (set->count() != 1 || last->count() != 1) {
      error_ = "a range goes from one character to another, as in '[a-z]'; for a '-' in a class write '\\-'";
      return std::nullopt;
    }
    const std::size_t from = lowest(*set);
    const std::size_t to = lowest(*last);
    if (from > to) {
      error_ = "a range goes upwards, as in '[a-z]'";
      return std::nullopt;
    }
    return range(static_cast<char>(from), static_cast<char>(to));
  }

  std::optional<ByteSet> class_character() {
    const char c = text_[at_++];
    if (c == '\\') { return escaped(); }
    if (!is_ascii(c)) {
      error_ = "a class holds ASCII characters only; write others as branches of a group: '(' one '|' another ')'";
      return std::nullopt;
    }
    return range(c, c);
  }

  static std::size_t lowest(const ByteSet& set) {
    std::size_t byte = 0;
    while (!set.test(byte)) { ++byte; }
    return byte;
  }

  // The part once more, with what stands behind it: '*', '+', '?', '{2,5}'.
  std::optional<Code> repeated(Code part) {
    std::optional<unsigned> most;
    unsigned least = 0;
    if (take('*')) {
    } else if (take('+')) {
      least = 1;
    } else if (take('?')) {
      most = 1;
    } else if (take('{')) {
      if (!read_counts(least, most)) { return std::nullopt; }
    } else {
      return part;
    }
    if (!done() && std::string_view("*+?{").find(peek()) != std::string_view::npos) {
      return fail("two repeats behind each other; put the first into a group, as in '(a+)*'");
    }
    return copies(part, least, most);
  }

  // Behind the '{': "n}", "n,}" or "n,m}".
  bool read_counts(unsigned& least, std::optional<unsigned>& most) {
    const std::size_t end = text_.find('}', at_);
    const std::string_view counts = text_.substr(at_, end == std::string_view::npos ? 0 : end - at_);
    const std::size_t comma = std::min(counts.find(','), counts.size());
    const auto first = parse_decimal(counts.substr(0, comma), repeat_max);
    const bool open = comma + 1 == counts.size();  // "n,"
    const auto last = comma == counts.size() ? first
                      : open                 ? std::optional<std::uint64_t>(repeat_max)
                                             : parse_decimal(counts.substr(comma + 1), repeat_max);
    if (!first || !last || *last < *first) {
      error_ = fmt::format(
          "a repeat is '{{n}}', '{{n,}}' or '{{n,m}}' with numbers up to {}; for the character itself "
          "write '\\{{'",
          repeat_max);
      return false;
    }
    at_ = end + 1;
    least = static_cast<unsigned>(*first);
    if (!open) { most = static_cast<unsigned>(*last); }
    return true;
  }

  // `least` times the part; then, up to `most`, as often as it comes: each further one can be left out, and all behind
  // it.
  std::optional<Code> copies(const Code& part, unsigned least, std::optional<unsigned> most) {
    const std::size_t optional = most ? (*most - least) * (part.size() + 1) : part.size() + 2;
    if (!fits(least * part.size() + optional)) { return std::nullopt; }
    Code code;
    for (unsigned i = 0; i < least; ++i) { code.insert(code.end(), part.begin(), part.end()); }
    const auto length = static_cast<std::int32_t>(part.size());
    if (!most) {
      code.push_back({.what = Instruction::Do::fork, .by = length + 2});
      code.insert(code.end(), part.begin(), part.end());
      code.push_back({.what = Instruction::Do::jump, .by = -length - 1});
      return code;
    }
    for (unsigned left = *most - least; left > 0; --left) {
      code.push_back({.what = Instruction::Do::fork, .by = static_cast<std::int32_t>(left) * (length + 1)});
      code.insert(code.end(), part.begin(), part.end());
    }
    return code;
  }

  std::optional<Code> either(const Code& one, const Code& other) {
    if (!fits(one.size() + other.size() + 2)) { return std::nullopt; }
    Code code;
    code.push_back({.what = Instruction::Do::fork, .by = static_cast<std::int32_t>(one.size()) + 2});
    code.insert(code.end(), one.begin(), one.end());
    code.push_back({.what = Instruction::Do::jump, .by = static_cast<std::int32_t>(other.size()) + 1});
    code.insert(code.end(), other.begin(), other.end());
    return code;
  }

  Code one_of(const ByteSet& set) {
    const auto known = std::find(sets_.begin(), sets_.end(), set);
    const auto index = static_cast<std::uint16_t>(known - sets_.begin());
    if (known == sets_.end()) { sets_.push_back(set); }
    return {Instruction{.what = Instruction::Do::take, .set = index}};
  }

  bool fits(std::size_t states) {
    if (states <= states_max) { return true; }
    error_ = fmt::format("too large: it needs more than {} states; are its repeats meant so?", states_max);
    return false;
  }

  bool done() const { return at_ == text_.size(); }
  char peek() const { return text_[at_]; }  // REQUIRES: !done()
  bool take(char wanted) {
    if (done() || peek() != wanted) { return false; }
    ++at_;
    return true;
  }
  std::nullopt_t fail(std::string text) {
    error_ = std::move(text);
    return std::nullopt;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<ByteSet> sets_;  // each kind once: a pattern has few
  std::string error_;
};

// A set of places in a program, in which each is at most once. Emptying it costs nothing: a place is in the set if it
// was marked in this round.
class Places {
 public:
  explicit Places(std::size_t program_size) : marks_(program_size + 1) { list_.reserve(program_size + 1); }

  void clear() {
    list_.clear();
    ++round_;
  }
  bool insert(std::size_t place) {
    if (marks_[place] == round_) { return false; }
    marks_[place] = round_;
    list_.push_back(place);
    return true;
  }
  bool contains(std::size_t place) const { return marks_[place] == round_; }
  const std::vector<std::size_t>& list() const { return list_; }

 private:
  std::vector<std::size_t> list_;
  std::vector<std::uint64_t> marks_;
  std::uint64_t round_ = 1;
};

// Adds a place and all that can be reached from it without a byte. The list itself is the stack of what is left to do,
// so that nothing recurses; a loop over nothing, as in "(a*)*", ends since no place comes in twice.
void enter(Places& places, const Code& code, std::size_t place) {
  std::size_t next = places.list().size();
  places.insert(place);
  for (; next < places.list().size(); ++next) {
    const std::size_t here = places.list()[next];
    if (here == code.size()) { continue; }
    const Instruction& instruction = code[here];
    if (instruction.what == Instruction::Do::take) { continue; }
    if (instruction.what == Instruction::Do::fork) { places.insert(here + 1); }
    places.insert(static_cast<std::size_t>(static_cast<std::ptrdiff_t>(here) + instruction.by));
  }
}

}  // namespace

struct Pattern::Program {
  Code code;
  std::vector<ByteSet> sets;
};

Result<Pattern, BadPattern> Pattern::parse(std::string_view text) {
  if (text.empty()) { return BadPattern{"an empty pattern; leave it out, with its colon, to take any text"}; }
  if (text.size() > bytes_max) { return BadPattern{fmt::format("longer than {} bytes", bytes_max)}; }
  Compiler compiler(text);
  auto code = compiler.whole();
  if (!code) { return BadPattern{compiler.error()}; }
  Pattern pattern;
  pattern.text_ = text;
  pattern.program_ = std::make_shared<const Program>(Program{.code = std::move(*code), .sets = compiler.take_sets()});
  return pattern;
}

bool Pattern::matches(std::string_view text) const {
  if (!program_) { return text.empty(); }
  const Code& code = program_->code;
  Places now(code.size());
  Places next(code.size());
  enter(now, code, 0);
  for (const char c : text) {
    if (now.list().empty()) { return false; }
    next.clear();
    for (const std::size_t place : now.list()) {
      const bool takes = place < code.size() && code[place].what == Instruction::Do::take &&
                         program_->sets[code[place].set].test(number(c));
      if (takes) { enter(next, code, place + 1); }
    }
    std::swap(now, next);
  }
  return now.contains(code.size());
}

}  // namespace bascule::policy
