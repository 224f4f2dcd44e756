#include "proxy/web/files.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bascule::web {
namespace {

namespace fs = std::filesystem;
using policy::Refusal;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using wire::http::RequestHead;

// A folder with a page in it, beside a secret that no request may ever reach.
class FilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "bascule-files-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    base_ = pattern;
    folder_ = base_ / "public";
    fs::create_directories(folder_ / "app" / "styles");
    write(folder_ / "index.html", "<p>index</p>");
    write(folder_ / "app" / "index.html", "<p>app</p>");
    write(folder_ / "app" / "ui.js", "0123456789");
    write(base_ / "secret.txt", "secret");
    files_.folder = folder_.string();
  }

  void TearDown() override { fs::remove_all(base_); }

  static void write(const fs::path& path, const std::string& content) {
    std::ofstream file(path, std::ios::binary);
    file << content;
    ASSERT_TRUE(file.good());
  }

  // What a client would get: status, head, and the bytes that the plan names.
  struct Answer {
    std::optional<Refusal> refusal;
    int status = 0;
    std::string head;
    std::string body;
    bool has_file = false;

    std::string field(const std::string& name) const {
      const std::size_t at = head.find("\r\n" + name + ": ");
      if (at == std::string::npos) { return "(absent)"; }
      const std::size_t begin = at + name.size() + 4;
      return head.substr(begin, head.find("\r\n", begin) - begin);
    }
  };

  struct Ask {
    std::string below;
    std::vector<wire::http::Field> fields = {};
    bool head_only = false;
    KeepAlive keep_alive = KeepAlive::yes;
    std::uint8_t version_minor = 1;
  };

  Answer ask(const Ask& ask) const {
    RequestHead head;
    head.method = ask.head_only ? "HEAD" : "GET";
    head.version_minor = ask.version_minor;
    head.fields = ask.fields;
    auto result = answer_file(files_, ask.below, ask.head_only, head, ask.keep_alive);
    Answer answer;
    if (const auto* refusal = std::get_if<Refusal>(&result)) {
      answer.refusal = *refusal;
      return answer;
    }
    const auto& found = std::get<FileAnswer>(result);
    answer.status = found.status;
    answer.head = found.head;
    answer.has_file = static_cast<bool>(found.file);
    EXPECT_THAT(answer.head, StartsWith("HTTP/1.1 " + std::to_string(found.status) + " "));
    EXPECT_THAT(answer.head, testing::EndsWith("\r\n\r\n"));
    EXPECT_EQ(answer.head.find("\r\n\r\n"), answer.head.size() - 4);
    EXPECT_EQ(answer.has_file, found.length > 0);
    if (found.file) {
      EXPECT_NE(fcntl(found.file.get(), F_GETFD) & FD_CLOEXEC, 0);
      answer.body.resize(found.length);
      EXPECT_EQ(pread(found.file.get(), answer.body.data(), answer.body.size(), static_cast<off_t>(found.offset)),
                static_cast<ssize_t>(found.length));
    }
    if (!ask.head_only && answer.status != 304) {
      EXPECT_EQ(answer.field("Content-Length"), std::to_string(answer.body.size()));
    }
    return answer;
  }

  Answer get(const std::string& below, const std::vector<wire::http::Field>& fields = {}) const {
    return ask({.below = below, .fields = fields});
  }

  void expect_absent(const std::string& below) const {
    EXPECT_EQ(get(below).refusal, Refusal::no_such_file) << testing::PrintToString(below);
  }

  fs::path base_;
  fs::path folder_;
  policy::Files files_;
};

TEST_F(FilesTest, GivesAFileWithAllItsFields) {
  const Answer answer = get("app/ui.js");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "0123456789");
  EXPECT_EQ(answer.field("Content-Length"), "10");
  EXPECT_EQ(answer.field("Content-Type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(answer.field("Accept-Ranges"), "bytes");
  EXPECT_EQ(answer.field("Cache-Control"), "no-cache");
  EXPECT_EQ(answer.field("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(answer.field("Cross-Origin-Opener-Policy"), "same-origin");
  EXPECT_EQ(answer.field("Referrer-Policy"), "no-referrer");
  EXPECT_EQ(answer.field("Content-Range"), "(absent)");
  EXPECT_EQ(answer.field("Connection"), "(absent)");
  EXPECT_THAT(answer.field("ETag"), testing::MatchesRegex("\"[0-9a-f-]+\""));
}

TEST_F(FilesTest, LetsAPageRunItsOwnCodeOnlyAndConnectByWebSocket) {
  const std::string policy = get("").field("Content-Security-Policy");
  EXPECT_THAT(policy, StartsWith("default-src 'self';"));
  EXPECT_THAT(policy, HasSubstr("connect-src 'self' ws: wss:"));
  EXPECT_THAT(policy, HasSubstr("object-src 'none'"));
  EXPECT_THAT(policy, HasSubstr("base-uri 'none'"));
  EXPECT_THAT(policy, HasSubstr("frame-ancestors 'self'"));
  EXPECT_THAT(policy, Not(HasSubstr("unsafe-")));
  EXPECT_THAT(policy, Not(HasSubstr("script-src")));
}

// The rest stays: no script of others, no other place for a form, no frame elsewhere.
TEST_F(FilesTest, LetsAPageRunTheScriptsInsideItWhereThatIsWritten) {
  const std::string own = get("").field("Content-Security-Policy");
  files_.scripts = policy::Scripts::inside;
  EXPECT_EQ(get("").field("Content-Security-Policy"),
            own + "; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'");
}

TEST_F(FilesTest, GivesTheIndexOfAFolder) {
  EXPECT_EQ(get("").body, "<p>index</p>");
  EXPECT_EQ(get("").field("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(get("app/").body, "<p>app</p>");
  files_.index = "app/ui.js";
  EXPECT_EQ(get("").body, "0123456789");
}

TEST_F(FilesTest, GivesNoListingAndNoRedirectForAFolder) {
  expect_absent("app");
  expect_absent("app/styles");
  expect_absent("app/styles/");
  expect_absent(".");
  files_.index = "app";
  expect_absent("");
}

TEST_F(FilesTest, KnowsNothingOfWhatIsNotThere) {
  expect_absent("missing.js");
  expect_absent("app/ui.js/");
  expect_absent("app/ui.js/more");
  expect_absent("index.html/");
  expect_absent(std::string(300, 'x'));
  expect_absent(std::string(9000, 'x'));
  files_.folder = (base_ / "gone").string();
  expect_absent("index.html");
}

TEST_F(FilesTest, NeverLeavesItsFolder) {
  write(folder_ / "%2e%2e", "a name and no way up");
  for (const std::string below : {"../secret.txt", "app/../../secret.txt", "..", "../", "/etc/passwd", "//etc/passwd",
                                  "app/../../public/index.html", "./../secret.txt"}) {
    expect_absent(below);
  }
  expect_absent(base_ / "secret.txt");
  // What is still escaped after the one decoding is a name like any other.
  EXPECT_EQ(get("%2e%2e").body, "a name and no way up");
  expect_absent("%2e%2e/secret.txt");
  expect_absent("..%2fsecret.txt");
  expect_absent("..\\secret.txt");
}

TEST_F(FilesTest, TakesNoSecondNameForAFile) {
  expect_absent("app//ui.js");
  expect_absent("/app/ui.js");
  expect_absent("//");
  expect_absent("app//");
  expect_absent(std::string("index.html\0.txt", 15));
}

TEST_F(FilesTest, FollowsLinksThatStayInside) {
  fs::create_symlink("app/ui.js", folder_ / "link.js");
  fs::create_symlink("app", folder_ / "same");
  fs::create_symlink("../app/ui.js", folder_ / "app" / "up.js");
  EXPECT_EQ(get("link.js").body, "0123456789");
  EXPECT_EQ(get("same/ui.js").body, "0123456789");
  EXPECT_EQ(get("same/").body, "<p>app</p>");
  EXPECT_EQ(get("app/up.js").body, "0123456789");
}

TEST_F(FilesTest, FollowsNoLinkThatLeadsOut) {
  fs::create_symlink("../secret.txt", folder_ / "relative.txt");
  fs::create_symlink(base_ / "secret.txt", folder_ / "absolute.txt");
  fs::create_symlink("..", folder_ / "parent");
  fs::create_symlink("/", folder_ / "root");
  fs::create_symlink("/proc/self/root", folder_ / "magic");
  fs::create_symlink("loop", folder_ / "loop");
  fs::create_symlink("nowhere", folder_ / "dangling");
  fs::create_symlink("relative.txt", folder_ / "second");
  for (const std::string below : {"relative.txt", "absolute.txt", "parent/secret.txt", "root/etc/passwd",
                                  "magic/etc/passwd", "loop", "dangling", "second", "parent/public/index.html"}) {
    expect_absent(below);
  }
}

TEST_F(FilesTest, FollowsALinkThatIsTheFolderItself) {
  fs::create_directory_symlink(folder_, base_ / "alias");
  files_.folder = (base_ / "alias").string();
  EXPECT_EQ(get("").body, "<p>index</p>");
}

// Opening a FIFO in the common way waits for a writer, and there is none: this test would never end.
TEST_F(FilesTest, GivesRegularFilesOnlyAndNeverWaits) {
  ASSERT_EQ(mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  ASSERT_EQ(mkfifo((folder_ / "app" / "styles" / "index.html").c_str(), 0600), 0);
  expect_absent("fifo");
  expect_absent("app/styles/");

  const OwnedFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = folder_ / "socket";
  ASSERT_LT(path.size(), sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  expect_absent("socket");

  files_.folder = "/dev";
  expect_absent("null");
  expect_absent("zero");
  expect_absent("tty");
}

TEST_F(FilesTest, ServesNoFileThatItMayNotRead) {
  if (geteuid() == 0) {
    // Root may read all there is; what root cannot do is search a file as if it were a folder.
    files_.folder = (folder_ / "index.html").string();
    expect_absent("index.html");
    return;
  }
  ASSERT_EQ(chmod((folder_ / "index.html").c_str(), 0), 0);
  expect_absent("index.html");
}

TEST_F(FilesTest, AnswersHeadAsGetWithoutTheBody) {
  const Answer get_answer = get("app/ui.js");
  const Answer head_answer = ask({.below = "app/ui.js", .head_only = true});
  EXPECT_EQ(head_answer.head, get_answer.head);
  EXPECT_FALSE(head_answer.has_file);
  EXPECT_EQ(ask({.below = "missing", .head_only = true}).refusal, Refusal::no_such_file);
  EXPECT_EQ(ask({.below = "app/ui.js", .fields = {{"range", "bytes=0-1"}}, .head_only = true}).head, get_answer.head)
      << "ranges are for GET only";
}

TEST_F(FilesTest, GivesAnEmptyFile) {
  write(folder_ / "empty.txt", "");
  const Answer answer = get("empty.txt");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.field("Content-Length"), "0");
  EXPECT_FALSE(answer.has_file);
  EXPECT_EQ(get("empty.txt", {{"range", "bytes=0-"}}).status, 416);
  EXPECT_EQ(get("empty.txt", {{"range", "bytes=-5"}}).status, 200);
}

TEST_F(FilesTest, CountsIn64Bits) {
  constexpr std::uint64_t size = 5'000'000'000;
  write(folder_ / "large.bin", "");
  ASSERT_EQ(truncate((folder_ / "large.bin").c_str(), static_cast<off_t>(size)),
            0);  // a hole; takes no room on the disk
  RequestHead head;
  head.method = "GET";
  auto whole = answer_file(files_, "large.bin", false, head, KeepAlive::yes);
  ASSERT_TRUE(std::holds_alternative<FileAnswer>(whole));
  EXPECT_EQ(std::get<FileAnswer>(whole).length, size);
  EXPECT_THAT(std::get<FileAnswer>(whole).head, HasSubstr("Content-Length: 5000000000\r\n"));

  const Answer answer = get("large.bin", {{"range", "bytes=4999999998-"}});
  EXPECT_EQ(answer.status, 206);
  EXPECT_EQ(answer.body, std::string(2, '\0'));
  EXPECT_EQ(answer.field("Content-Range"), "bytes 4999999998-4999999999/5000000000");
}

TEST_F(FilesTest, SaysHowTheConnectionGoesOn) {
  EXPECT_EQ(ask({.below = "", .keep_alive = KeepAlive::no}).field("Connection"), "close");
  EXPECT_EQ(ask({.below = "", .keep_alive = KeepAlive::yes}).field("Connection"), "(absent)");
  EXPECT_EQ(ask({.below = "", .keep_alive = KeepAlive::yes, .version_minor = 0}).field("Connection"), "keep-alive");
  const std::string etag = get("").field("ETag");
  EXPECT_EQ(ask({.below = "", .fields = {{"if-none-match", etag}}, .keep_alive = KeepAlive::no}).field("Connection"),
            "close");
  EXPECT_EQ(ask({.below = "", .fields = {{"range", "bytes=99-"}}, .keep_alive = KeepAlive::no}).field("Connection"),
            "close");
}

TEST_F(FilesTest, SaysNotModifiedToWhoeverHasTheFile) {
  const std::string etag = get("").field("ETag");
  for (const std::string& condition : {etag, "W/" + etag, std::string("*"), "\"other\", " + etag,
                                       "\"a,b\",W/\"c\" ,\t" + etag + ", \"d\"", ", ," + etag}) {
    const Answer answer = get("", {{"if-none-match", condition}});
    EXPECT_EQ(answer.status, 304) << condition;
    EXPECT_FALSE(answer.has_file);
    EXPECT_EQ(answer.field("ETag"), etag);
    EXPECT_EQ(answer.field("Cache-Control"), "no-cache");
    EXPECT_EQ(answer.field("Content-Type"), "(absent)");
  }
  EXPECT_EQ(get("", {{"if-none-match", "\"a\""}, {"if-none-match", etag}}).status, 304)
      << "a second field adds to the list";
  EXPECT_EQ(ask({.below = "", .fields = {{"if-none-match", etag}}, .head_only = true}).status, 304);
  EXPECT_EQ(get("", {{"if-none-match", etag}, {"range", "bytes=0-0"}}).status, 304) << "the condition comes first";
}

TEST_F(FilesTest, GivesTheFileToWhoeverHasAnother) {
  const std::string etag = get("").field("ETag");
  for (const std::string& condition :
       {std::string(), std::string("\"other\""), etag.substr(1, etag.size() - 2), etag.substr(0, etag.size() - 1),
        "\"a\" x " + etag, "w/" + etag, std::string("**"), std::string("\"*\""), "\"a, " + etag}) {
    EXPECT_EQ(get("", {{"if-none-match", condition}}).status, 200) << condition;
  }
  EXPECT_EQ(get("", {{"if-modified-since", "garbage"}}).status, 200);
}

TEST_F(FilesTest, ChangesTheTagWithTheFile) {
  const std::string before = get("").field("ETag");
  EXPECT_EQ(get("").field("ETag"), before);
  EXPECT_NE(get("app/ui.js").field("ETag"), before);

  write(folder_ / "new", "<p>INDEX</p>");  // the same size; put in place by a rename, with the time of the old one
  struct stat facts {};
  ASSERT_EQ(stat((folder_ / "index.html").c_str(), &facts), 0);
  const std::array<timespec, 2> times{facts.st_atim, facts.st_mtim};
  ASSERT_EQ(utimensat(AT_FDCWD, (folder_ / "new").c_str(), times.data(), 0), 0);
  fs::rename(folder_ / "new", folder_ / "index.html");
  const std::string renamed = get("").field("ETag");
  EXPECT_NE(renamed, before);

  std::array<timespec, 2> later = times;
  later[1].tv_nsec = (later[1].tv_nsec + 1) % 1'000'000'000;
  ASSERT_EQ(utimensat(AT_FDCWD, (folder_ / "index.html").c_str(), later.data(), 0), 0);
  EXPECT_NE(get("").field("ETag"), renamed);
}

TEST_F(FilesTest, GivesOneRangeInEachOfItsForms) {
  struct Case {
    std::string range;
    std::string body;
    std::string content_range;
  };
  const std::vector<Case> cases{
      {"bytes=0-0", "0", "bytes 0-0/10"},
      {"bytes=2-4", "234", "bytes 2-4/10"},
      {"bytes=7-", "789", "bytes 7-9/10"},
      {"bytes=-3", "789", "bytes 7-9/10"},
      {"bytes=0-", "0123456789", "bytes 0-9/10"},
      {"bytes=9-9", "9", "bytes 9-9/10"},
      {"bytes=8-1000", "89", "bytes 8-9/10"},
      {"bytes=-1000", "0123456789", "bytes 0-9/10"},
      {"BYTES=1-1", "1", "bytes 1-1/10"},
      {"bytes=9-99999999999999999999999", "9", "bytes 9-9/10"},
      {"bytes=-99999999999999999999999", "0123456789", "bytes 0-9/10"},
      {"bytes=5-18446744073709551615", "56789", "bytes 5-9/10"},
  };
  for (const auto& [range, body, content_range] : cases) {
    const Answer answer = get("app/ui.js", {{"range", range}});
    EXPECT_EQ(answer.status, 206) << range;
    EXPECT_EQ(answer.body, body) << range;
    EXPECT_EQ(answer.field("Content-Range"), content_range);
    EXPECT_EQ(answer.field("Content-Type"), "text/javascript; charset=utf-8");
  }
}

TEST_F(FilesTest, RefusesARangeBehindTheEnd) {
  for (const std::string range :
       {"bytes=10-", "bytes=10-20", "bytes=-0", "bytes=18446744073709551615-", "bytes=99999999999999999999999-"}) {
    const Answer answer = get("app/ui.js", {{"range", range}});
    EXPECT_EQ(answer.status, 416) << range;
    EXPECT_EQ(answer.field("Content-Range"), "bytes */10");
    EXPECT_EQ(answer.field("Content-Length"), "0");
    EXPECT_FALSE(answer.has_file);
  }
}

TEST_F(FilesTest, GivesTheWholeFileForSeveralRangesAndForGarbage) {
  for (const std::string range : {"",
                                  "bytes",
                                  "bytes=",
                                  "bytes=-",
                                  "bytes=a-b",
                                  "bytes=1",
                                  "bytes=4-2",
                                  "bytes=1-2,4-5",
                                  "bytes=0-0,0-0,0-0",
                                  "bytes= 1-2",
                                  "bytes=1 -2",
                                  "bytes=1- 2",
                                  "bytes=+1-2",
                                  "bytes=1-+2",
                                  "bytes=--1",
                                  "bytes=1-2-3",
                                  "bytes=0x1-2",
                                  "items=0-1",
                                  "bytes:0-1",
                                  "0-1",
                                  "bytes=1-2,"}) {
    const Answer answer = get("app/ui.js", {{"range", range}});
    EXPECT_EQ(answer.status, 200) << range;
    EXPECT_EQ(answer.body, "0123456789") << range;
  }
  EXPECT_EQ(get("app/ui.js", {{"range", "bytes=0-1"}, {"range", "bytes=2-3"}}).status, 200);
  std::string thousand = "bytes=0-";
  for (int i = 0; i < 1000; ++i) { thousand += ",0-"; }
  EXPECT_EQ(get("app/ui.js", {{"range", thousand}}).body, "0123456789");
}

TEST_F(FilesTest, GivesARangeOnlyOfTheFileThatTheClientHas) {
  const std::string etag = get("app/ui.js").field("ETag");
  const auto status_if = [this](const std::string& condition) {
    return get("app/ui.js", {{"range", "bytes=0-1"}, {"if-range", condition}}).status;
  };
  EXPECT_EQ(status_if(etag), 206);
  EXPECT_EQ(status_if("\"other\""), 200);
  EXPECT_EQ(status_if("W/" + etag), 200);
  EXPECT_EQ(status_if("Sat, 29 Oct 1994 19:43:31 GMT"), 200);
  EXPECT_EQ(status_if(""), 200);
  EXPECT_EQ(get("app/ui.js", {{"range", "bytes=10-"}, {"if-range", "\"other\""}}).status, 200);
  EXPECT_EQ(get("app/ui.js", {{"range", "bytes=0-1"}, {"if-range", etag}, {"if-range", etag}}).status, 200);
}

TEST(ContentType, FollowsTheEndingOfTheName) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"a.html", "text/html; charset=utf-8"},
      {"a.js", "text/javascript; charset=utf-8"},
      {"a.mjs", "text/javascript; charset=utf-8"},
      {"a.css", "text/css; charset=utf-8"},
      {"a.svg", "image/svg+xml"},
      {"a.png", "image/png"},
      {"a.jpg", "image/jpeg"},
      {"a.gif", "image/gif"},
      {"a.ico", "image/x-icon"},
      {"a.json", "application/json"},
      {"a.map", "application/json"},
      {"a.wasm", "application/wasm"},
      {"a.txt", "text/plain; charset=utf-8"},
      {"a.woff", "font/woff"},
      {"a.woff2", "font/woff2"},
      {"a.ttf", "font/ttf"},
      {"a.oga", "audio/ogg"},
      {"a.ogg", "audio/ogg"},
      {"a.mp3", "audio/mpeg"},
      {"a.wav", "audio/wav"},
      {"a.webmanifest", "application/manifest+json"},
      {"a.xml", "text/xml; charset=utf-8"},
      {"A.HTML", "text/html; charset=utf-8"},
      {"app/ui.min.js", "text/javascript; charset=utf-8"},
      {"a", "application/octet-stream"},
      {"a.", "application/octet-stream"},
      {"", "application/octet-stream"},
      {"folder.html/a", "application/octet-stream"},
      {"a.html.bak", "application/octet-stream"},
  };
  for (const auto& [name, type] : cases) { EXPECT_EQ(content_type_of(name), type) << name; }
}

}  // namespace
}  // namespace bascule::web
