#include "proxy/app/control.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/post.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "test/support/bascule_process.hpp"

namespace bascule::app {
namespace {

using testing::HasSubstr;
using Protocol = asio::local::stream_protocol;

// A process that serves rules, as far as the control socket knows one: a thread with an io_context.
class ControlTest : public testing::Test {
 protected:
  ControlTest() : paths{folder.write("rules.yaml", "rules")} {}
  ~ControlTest() override {
    context.stop();
    thread.join();
    control.reset();
  }

  // On the thread of the context, as everything that touches the Control.
  void on_thread(std::function<void()> action) {
    std::promise<void> done;
    asio::post(context, [&] {
      action();
      done.set_value();
    });
    done.get_future().wait();
  }

  void open() {
    on_thread([this] {
      ControlHandlers handlers{.reload = [] { return std::string(R"({"well":true})"); },
                               .refusal = [](const std::string& reference) { return "about " + reference; }};
      control = Control::open(context, paths, std::move(handlers), why_not);
    });
  }

  Protocol::endpoint name() const {
    return {std::string(1, '\0') + fmt::format("bascule/{}/{}", ::geteuid(), digest_of(paths))};
  }

  test::TemporaryFolder folder;
  std::vector<std::string> paths;
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> busy{context.get_executor()};
  std::thread thread{[this] { context.run(); }};
  std::unique_ptr<Control> control;
  std::string why_not;
};

TEST_F(ControlTest, AnswersWhoServesTheSameRules) {
  open();
  ASSERT_NE(control, nullptr) << why_not;
  for (int i = 0; i < 3; ++i) {
    const auto reloaded = ask_process(paths, R"({"verb":"reload"})");
    ASSERT_TRUE(reloaded) << reloaded.error().text;
    EXPECT_EQ(*reloaded, R"({"well":true})");
  }
  const auto refusal = ask_process(paths, R"({"verb":"refusal","reference":"7gq2"})");
  ASSERT_TRUE(refusal) << refusal.error().text;
  EXPECT_EQ(*refusal, "about 7gq2");
}

TEST_F(ControlTest, SaysSoWhenItDoesNotUnderstand) {
  open();
  for (const char* request : {"", "reload", "[]", R"({"verb":"dance"})", R"({"verb":7})"}) {
    const auto answer = ask_process(paths, request);
    ASSERT_TRUE(answer) << answer.error().text;
    EXPECT_THAT(*answer, HasSubstr("not understood")) << request;
  }
}

TEST_F(ControlTest, IsNotFoundByOtherRulesOrWhenNobodyServes) {
  open();
  const auto other = ask_process({folder.path("other.yaml")}, R"({"verb":"reload"})");
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().text, HasSubstr("no running bascule"));
  EXPECT_THAT(other.error().text, HasSubstr(folder.path("other.yaml")));
  on_thread([this] { control.reset(); });
  EXPECT_FALSE(ask_process(paths, R"({"verb":"reload"})"));
}

TEST_F(ControlTest, OpensOnceForAUserAndHisRules) {
  open();
  std::unique_ptr<Control> second;
  on_thread([&] { second = Control::open(context, paths, {}, why_not); });
  EXPECT_EQ(second, nullptr);
  EXPECT_THAT(why_not, HasSubstr("another process of this user serves"));
}

TEST_F(ControlTest, ARequestThatIsTooLongIsCutOff) {
  open();
  const auto answer = ask_process(paths, std::string(Control::request_bytes_max * 2, 'x'));
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().text, HasSubstr("does not answer"));
}

TEST_F(ControlTest, WhoComesWhenAllPlacesAreTakenIsTurnedAway) {
  open();
  asio::io_context here;
  std::vector<Protocol::socket> silent;
  for (std::size_t i = 0; i < Control::conversations_max; ++i) { silent.emplace_back(here).connect(name()); }
  Protocol::socket one_more(here);
  one_more.connect(name());
  std::string nothing;
  asio::error_code end;
  asio::read(one_more, asio::dynamic_buffer(nothing), end);
  EXPECT_EQ(end, asio::error::eof);
  EXPECT_TRUE(nothing.empty());

  silent.clear();
  EXPECT_TRUE(test::eventually([this] { return ask_process(paths, R"({"verb":"reload"})").ok(); }));
}

TEST_F(ControlTest, GoesAwayInTheMiddleOfAConversation) {
  open();
  asio::io_context here;
  Protocol::socket asking(here);
  asking.connect(name());
  asio::write(asking, asio::buffer(std::string("{\"verb\":")));
  on_thread([this] { control.reset(); });
  std::string nothing;
  asio::error_code end;
  asio::read(asking, asio::dynamic_buffer(nothing), end);
  EXPECT_TRUE(end);
  EXPECT_TRUE(nothing.empty());
}

TEST_F(ControlTest, TheNameStaysWhenALinkIsTurned) {
  const std::string link = folder.path("current.yaml");
  std::filesystem::create_symlink(folder.write("old.yaml", "old"), link);
  const std::string before = digest_of({link});
  std::filesystem::remove(link);
  std::filesystem::create_symlink(folder.write("new.yaml", "new"), link);
  EXPECT_EQ(digest_of({link}), before);
}

TEST_F(ControlTest, TheNameIsTheSameHoweverTheRulesAreWritten) {
  const std::string file = paths.front();
  const std::string folder_path = std::filesystem::path(file).parent_path().string();
  EXPECT_EQ(digest_of({file}), digest_of({folder_path + "/./x/../rules.yaml"}));
  EXPECT_EQ(digest_of({folder_path}), digest_of({folder_path + "/"}));
  EXPECT_EQ(digest_of({std::filesystem::relative(file).string()}), digest_of({file}));
  EXPECT_NE(digest_of({file}), digest_of({file, file}));
  EXPECT_NE(digest_of({"/ab", "/c"}), digest_of({"/a", "/bc"}));
}

}  // namespace
}  // namespace bascule::app
