// What a visitor of pages sends: the path of a file, conditions and ranges, the form to log in. Nothing outside of the
// folder is ever opened, no more is promised than there is, and what is shown of others' words is no HTML.
//
// Input: a line, the path below the folder; fields, "name: value" each, up to an empty line; the form.
#include "proxy/web/files.hpp"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "proxy/base/text.hpp"
#include "proxy/web/login_page.hpp"
#include "proxy/wire/http/answer_parser.hpp"
#include "proxy/wire/http/characters.hpp"
#include "test/fuzz/fuzz.hpp"

namespace bascule::fuzz {
namespace {

namespace fs = std::filesystem;

// A folder with two pages in it and a secret beside it, for as long as the process lives.
class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "bascule-fuzz-XXXXXX").string();
    require(::mkdtemp(pattern.data()) != nullptr, "there is a place for files");
    base_ = fs::canonical(pattern);
    fs::create_directories(base_ / "public" / "app");
    std::ofstream(base_ / "public" / "index.html") << "<p>index</p>";
    std::ofstream(base_ / "public" / "app" / "ui.js") << "0123456789";
    std::ofstream(base_ / "secret") << "secret";
    fs::create_symlink("../secret", base_ / "public" / "out");
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(base_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string path() const { return (base_ / "public").string(); }

 private:
  fs::path base_;
};

const std::string& folder() {
  static const Folder made;
  static const std::string path = made.path();
  return path;
}

// Only what the parser of heads lets through.
wire::http::RequestHead head_of(std::string_view& text) {
  wire::http::RequestHead head;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.empty()) { break; }
    const std::size_t colon = std::min(line.find(':'), line.size());
    const std::string_view value = trimmed(line.substr(std::min(colon + 1, line.size())));
    const auto fits = [](char c) { return wire::http::is_in(wire::http::value_characters, c); };
    if (!wire::http::is_token(line.substr(0, colon)) || !std::all_of(value.begin(), value.end(), fits)) { continue; }
    head.fields.push_back({lowered(line.substr(0, colon)), std::string(value)});
  }
  return head;
}

void check_open(const web::FileAnswer& answer) {
  struct stat facts {};
  require(::fstat(answer.file.get(), &facts) == 0 && S_ISREG(facts.st_mode), "only files are opened");
  const auto size = static_cast<std::uint64_t>(facts.st_size);
  require(answer.offset <= size && answer.length <= size - answer.offset, "no more is promised than there is");
  const fs::path opened = fs::read_symlink("/proc/self/fd/" + std::to_string(answer.file.get()));
  require(opened.string().starts_with(folder() + "/"), "nothing outside of the folder is opened", opened.string());
}

void check_file(std::string_view below, bool head_only, const wire::http::RequestHead& head) {
  const policy::Files files{.folder = folder()};
  const auto answered = web::answer_file(files, below, head_only, head, web::KeepAlive::yes);
  const auto* const answer = std::get_if<web::FileAnswer>(&answered);
  if (answer == nullptr) { return; }
  const int status = answer->status;
  require(status == 200 || status == 206 || status == 304 || status == 416, "a file has its statuses");
  if (answer->file) { check_open(*answer); }
  require(answer->file || answer->length == 0, "without a file there is nothing to send");

  // Others read it as it was meant.
  wire::http::AnswerParser parser({});
  require(parser.feed(bytes_of(answer->head)) == answer->head.size(), "a head is read to its end", answer->head);
  require(parser.state() != wire::http::AnswerParser::State::failed && parser.status() == status, "and says the same");
}

void check_form(std::string_view body) {
  const auto form = web::read_login_form(body);
  if (form && form->logout) { require(form->user.empty() && form->password.empty(), "who leaves shows nothing"); }
  const std::string text(body);
  const std::string html = web::html_of({.realm = text, .message = {}});
  const std::string plain = web::html_of({.realm = "", .message = {}});
  for (const char mark : {'<', '>', '"', '\''}) {
    require(std::count(html.begin(), html.end(), mark) == std::count(plain.begin(), plain.end(), mark),
            "what others say is no HTML");
  }
}

}  // namespace
}  // namespace bascule::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bascule;
  using namespace bascule::fuzz;
  std::string_view text = text_of(Bytes(data, size));
  const std::string_view below = take_line(text);
  const auto head = head_of(text);
  check_file(below, false, head);
  check_file(below, true, head);
  check_form(text);
  return 0;
}
