#include "proxy/web/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <optional>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/wire/http/answer.hpp"

namespace bascule::web {
namespace {

using policy::Refusal;
using wire::http::AnswerHead;
using wire::http::RequestHead;

// What a page of ours may do. noVNC needs images made of data, sounds, and a WebSocket to any place (its settings let
// the visitor choose); it works without inline scripts and without inline styles. spice-html5 plays from blobs.
constexpr std::string_view content_security_policy =
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'";

// Behind it, where pages may have scripts inside: styles come with them, for such a script could set any style, and
// pages of that age have both.
constexpr std::string_view scripts_inside = "; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'";

struct ContentType {
  std::string_view ending;
  std::string_view type;
};

constexpr std::array content_types{
    ContentType{"css", "text/css; charset=utf-8"},
    ContentType{"gif", "image/gif"},
    ContentType{"htm", "text/html; charset=utf-8"},
    ContentType{"html", "text/html; charset=utf-8"},
    ContentType{"ico", "image/x-icon"},
    ContentType{"jpeg", "image/jpeg"},
    ContentType{"jpg", "image/jpeg"},
    ContentType{"js", "text/javascript; charset=utf-8"},
    ContentType{"json", "application/json"},
    ContentType{"map", "application/json"},
    ContentType{"mjs", "text/javascript; charset=utf-8"},
    ContentType{"mp3", "audio/mpeg"},
    ContentType{"oga", "audio/ogg"},
    ContentType{"ogg", "audio/ogg"},
    ContentType{"png", "image/png"},
    ContentType{"svg", "image/svg+xml"},
    ContentType{"ttf", "font/ttf"},
    ContentType{"txt", "text/plain; charset=utf-8"},
    ContentType{"wasm", "application/wasm"},
    ContentType{"wav", "audio/wav"},
    ContentType{"webmanifest", "application/manifest+json"},
    ContentType{"woff", "font/woff"},
    ContentType{"woff2", "font/woff2"},
    ContentType{"xml", "text/xml; charset=utf-8"},
};

// --- opening ---------------------------------------------------------------------------------------------------------

Refusal refusal_of_errno(int error) {
  const bool short_of_something = error == EMFILE || error == ENFILE || error == ENOMEM;
  return short_of_something ? Refusal::service_unavailable : Refusal::no_such_file;
}

// The kernel keeps the look-up inside the folder, whatever `..`, links and renames while we look would do to it.
int open_beneath(int folder, const std::string& path) {
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  constexpr int tries = 8;  // EAGAIN: something was renamed just now, and the kernel could not be sure
  for (int i = 1;; ++i) {
    const auto fd = static_cast<int>(syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how));
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR) || i == tries) { return fd; }
  }
}

struct OpenFile {
  OwnedFd fd;
  std::uint64_t size = 0;
  std::string etag;
};

std::variant<OpenFile, Refusal> open_file(const std::string& folder, const std::string& path) {
  const OwnedFd root(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) { return refusal_of_errno(errno); }
  OpenFile file;
  file.fd = OwnedFd(open_beneath(root.get(), path));
  if (!file.fd) { return refusal_of_errno(errno); }
  struct stat facts {};
  if (fstat(file.fd.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) { return Refusal::no_such_file; }
  file.size = static_cast<std::uint64_t>(facts.st_size);
  // Strong: another content has another time or another inode (a file put in place by a rename), or another size.
  file.etag =
      fmt::format("\"{:x}-{:x}{:08x}-{:x}\"", facts.st_size, facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec, facts.st_ino);
  return file;
}

// --- conditions and ranges -------------------------------------------------------------------------------------------

// Is `etag` in the list, or is it "*"? Weak comparison: RFC 9110, sections 8.8.3.2 and 13.1.2.
bool list_names(std::string_view list, std::string_view etag) {
  if (list == "*") { return true; }
  while (true) {
    list.remove_prefix(std::min(list.find_first_not_of(" \t,"), list.size()));
    if (list.starts_with("W/")) { list.remove_prefix(2); }
    if (!list.starts_with('"')) { return false; }
    const std::size_t end = list.find('"', 1);
    if (end == std::string_view::npos) { return false; }
    if (list.substr(0, end + 1) == etag) { return true; }
    list.remove_prefix(end + 1);
  }
}

bool is_unchanged(const RequestHead& head, std::string_view etag) {
  return std::any_of(head.fields.begin(), head.fields.end(), [etag](const wire::http::Field& field) {
    return field.name == "if-none-match" && list_names(field.value, etag);
  });
}

// A number of a range; what is too large to be one stands for "beyond any file".
std::optional<std::uint64_t> parse_position(std::string_view digits) {
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) { return std::nullopt; }
  constexpr std::uint64_t beyond = std::numeric_limits<std::uint64_t>::max();
  return parse_decimal(digits, beyond).value_or(beyond);
}

struct Span {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

enum class RangeIs : std::uint8_t { absent, satisfiable, unsatisfiable };

struct RangeReading {
  RangeIs is = RangeIs::absent;
  Span span;
};

// One range in any of its three forms. Several ranges and anything else count as absent, which a server is free to do
// (RFC 9110, section 14.2): the whole file is the answer then, and nothing can be multiplied by overlapping ranges.
RangeReading parse_range(std::string_view text, std::uint64_t size) {
  constexpr std::string_view unit = "bytes=";
  const RangeReading absent;
  const RangeReading unsatisfiable{RangeIs::unsatisfiable, {}};
  if (!same_ignoring_case(text.substr(0, unit.size()), unit)) { return absent; }
  text.remove_prefix(unit.size());
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) { return absent; }
  const std::string_view first_digits = text.substr(0, dash);
  const std::string_view last_digits = text.substr(dash + 1);

  if (first_digits.empty()) {
    const auto wanted = parse_position(last_digits);
    if (!wanted) { return absent; }
    if (*wanted == 0) { return unsatisfiable; }
    if (size == 0) { return absent; }  // the last bytes of nothing: all of it, and no Content-Range could say that
    const std::uint64_t length = std::min(*wanted, size);
    return {RangeIs::satisfiable, {size - length, length}};
  }
  const auto first = parse_position(first_digits);
  if (!first) { return absent; }
  std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
  if (!last_digits.empty()) {
    const auto written = parse_position(last_digits);
    if (!written || *written < *first) { return absent; }
    last = *written;
  }
  if (*first >= size) { return unsatisfiable; }
  return {RangeIs::satisfiable, {*first, std::min(last, size - 1) - *first + 1}};
}

RangeReading range_of(const RequestHead& head, const OpenFile& file) {
  if (head.count("range") != 1) { return {}; }
  // If-Range: a part is of use only to whoever has the rest of this very file. Strong comparison, so no weak tags; a
  // date never matches, for we never sent one (section 13.1.5).
  const std::size_t conditions = head.count("if-range");
  if (conditions > 1 || (conditions == 1 && *head.find("if-range") != file.etag)) { return {}; }
  return parse_range(*head.find("range"), file.size);
}

// --- answering -------------------------------------------------------------------------------------------------------

void put_common_fields(AnswerHead& answer, const policy::Files& files, const OpenFile& file, const RequestHead& head,
                       KeepAlive keep_alive, const MoreFields& more) {
  std::string security_policy(content_security_policy);
  if (files.scripts == policy::Scripts::inside) { security_policy += scripts_inside; }
  answer.field("ETag", file.etag)
      .field("Cache-Control", "no-cache")
      .field("X-Content-Type-Options", "nosniff")
      .field("Content-Security-Policy", security_policy)
      .field("Cross-Origin-Opener-Policy", "same-origin")
      .field("Referrer-Policy", "no-referrer");
  if (keep_alive == KeepAlive::no) {
    answer.field("Connection", "close");
  } else if (head.version_minor == 0) {
    answer.field("Connection", "keep-alive");
  }
  for (const wire::http::Field& field : more) { answer.field(field.name, field.value); }
}

}  // namespace

std::string_view content_type_of(std::string_view name) {
  const std::string_view last = name.substr(name.rfind('/') + 1);
  const std::size_t dot = last.rfind('.');
  if (dot != std::string_view::npos) {
    const std::string_view ending = last.substr(dot + 1);
    for (const ContentType& entry : content_types) {
      if (same_ignoring_case(entry.ending, ending)) { return entry.type; }
    }
  }
  return "application/octet-stream";
}

std::variant<FileAnswer, policy::Refusal> answer_file(const policy::Files& files, std::string_view below,
                                                      bool head_only, const RequestHead& head, KeepAlive keep_alive,
                                                      const MoreFields& more) {
  // An empty segment would let one file have many names.
  if (below.starts_with('/') || below.find("//") != std::string_view::npos ||
      below.find('\0') != std::string_view::npos) {
    return Refusal::no_such_file;
  }
  std::string path(below);
  if (path.empty() || path.back() == '/') { path += files.index; }
  auto opened = open_file(files.folder, path);
  if (const auto* refusal = std::get_if<Refusal>(&opened)) { return *refusal; }
  OpenFile file = std::move(std::get<OpenFile>(opened));

  FileAnswer answer;
  if (is_unchanged(head, file.etag)) {
    answer.status = 304;
    AnswerHead text(answer.status);
    put_common_fields(text, files, file, head, keep_alive, more);
    answer.head = text.done();
    return answer;
  }

  // HEAD knows no ranges (section 14.2).
  const RangeReading range = head_only ? RangeReading{} : range_of(head, file);
  Span span{0, file.size};
  if (range.is == RangeIs::satisfiable) {
    answer.status = 206;
    span = range.span;
  } else if (range.is == RangeIs::unsatisfiable) {
    answer.status = 416;
    span = {};
  }
  AnswerHead text(answer.status);
  text.field("Content-Length", std::to_string(span.length));
  if (range.is == RangeIs::satisfiable) {
    text.field("Content-Range", fmt::format("bytes {}-{}/{}", span.offset, span.offset + span.length - 1, file.size));
  } else if (range.is == RangeIs::unsatisfiable) {
    text.field("Content-Range", fmt::format("bytes */{}", file.size));
  }
  if (answer.status != 416) { text.field("Content-Type", content_type_of(path)).field("Accept-Ranges", "bytes"); }
  put_common_fields(text, files, file, head, keep_alive, more);
  answer.head = text.done();
  if (!head_only && span.length > 0) {
    answer.file = std::move(file.fd);
    answer.offset = span.offset;
    answer.length = span.length;
  }
  return answer;
}

}  // namespace bascule::web
