// Static files: which answer a GET or HEAD below a route's folder gets. RFC 9110, sections 13 (conditions) and 14
// (ranges).
//
// Knows no socket: it opens the file and says what is to be sent; sending is the session's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proxy/base/owned_fd.hpp"
#include "proxy/policy/refusal.hpp"
#include "proxy/policy/rules.hpp"
#include "proxy/wire/http/head_parser.hpp"

namespace bascule::web {

// What to send: the head, then `length` bytes of `file` from `offset` on. The head has promised that length: a file
// that turns out to be shorter (somebody cut it meanwhile) leaves nothing but to break the connection off.
struct FileAnswer {
  std::string head;  // complete, with its empty line
  int status = 200;
  OwnedFd file;  // none: the answer has no body
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// Fields that stand in whatever is answered.
using MoreFields = std::vector<wire::http::Field>;

enum class KeepAlive : std::uint8_t { no, yes };

// `below`: the decoded path below the route's prefix, as in policy::Page; empty or ending in '/' asks for the folder's
// index.
//
// Only regular files inside the folder, symbolic links included, are ever found: no listing, no redirect, no device, no
// FIFO, and never a wait.
std::variant<FileAnswer, policy::Refusal> answer_file(const policy::Files& files, std::string_view below,
                                                      bool head_only, const wire::http::RequestHead& head,
                                                      KeepAlive keep_alive, const MoreFields& more = {});

// By the ending of the name, for what a web page is made of; "application/octet-stream" for the rest.
std::string_view content_type_of(std::string_view name);

}  // namespace bascule::web
