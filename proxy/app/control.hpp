// The way from a command (`bascule reload`) to the process that serves the same rules: a Unix socket in the kernel's
// abstract namespace, so that there is no file to configure, to find or to clean up.
//
// Its name is made from the user and from the RULES as both were given them. The kernel says who is at the other end
// (SO_PEERCRED), and only the same user and root are answered. A request is one line of JSON, the answer is one JSON
// text, then the end.
#pragma once

#include <asio/io_context.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/result.hpp"

namespace bascule::app {

// What a request is answered with: JSON texts, as app/answers makes them. Called on the thread of the io_context.
struct ControlHandlers {
  std::function<std::string()> reload;                               // {"verb": "reload"}
  std::function<std::string(const std::string& reference)> refusal;  // {"verb": "refusal", "reference": "..."}
};

class Control {
 public:
  static constexpr std::size_t request_bytes_max = 4096;
  static constexpr std::size_t conversations_max = 8;  // one more is closed at once

  // Null with a sentence in `why_not` when it cannot be opened: another process serves these rules already.
  static std::unique_ptr<Control> open(asio::io_context& context, const std::vector<std::string>& paths,
                                       ControlHandlers handlers, std::string& why_not);

  // No handler is called afterwards; conversations that are under way are cut.
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

 private:
  struct Shared;
  class Conversation;
  explicit Control(std::shared_ptr<Shared> shared);
  std::shared_ptr<Shared> shared_;
};

// The part of the socket's name that stands for the RULES: equal for equal lists of files and folders, however they
// are written and from wherever they are seen. Symbolic links are not followed: new rules are often put into place by
// turning one.
std::string digest_of(const std::vector<std::string>& paths);

struct NoAnswer {
  std::string text;  // a sentence
};

// Asks the process that serves these RULES, and waits for its answer. Root also finds a process of another user.
Result<std::string, NoAnswer> ask_process(const std::vector<std::string>& paths, const std::string& request);

}  // namespace bascule::app
