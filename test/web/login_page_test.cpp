#include "proxy/web/login_page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace bascule::web {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(LoginPage, ShowsTheRealmAsText) {
  const std::string html = html_of({.realm = "<script>alert('x')</script> & \"co\"", .message = {}});
  EXPECT_THAT(html, AllOf(HasSubstr("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;co&quot;"),
                          Not(HasSubstr("<script>")), Not(HasSubstr("role=\"alert\""))));
}

TEST(LoginPage, SaysWhatWentWrong) {
  EXPECT_THAT(html_of({.realm = "Staff", .message = "That is not right."}),
              HasSubstr("<p role=\"alert\">That is not right.</p>"));
}

TEST(LoginPage, MayBeFramedByNobodyAndRunsNothing) {
  wire::http::AnswerHead head(401);
  put_login_fields(head);
  const std::string text = head.done();
  EXPECT_THAT(text, AllOf(HasSubstr("default-src 'none'"), HasSubstr("frame-ancestors 'none'"),
                          HasSubstr("form-action 'self'"), HasSubstr("referrer-policy: same-origin")));
}

TEST(LoginForm, IsReadAsBrowsersSendIt) {
  const auto form = read_login_form("user=ada+lovelace&password=%C3%A4%26%3D%2B+");
  ASSERT_TRUE(form.has_value());
  EXPECT_FALSE(form->logout);
  EXPECT_EQ(form->user, "ada lovelace");
  EXPECT_EQ(form->password, "\xc3\xa4&=+ ");
}

TEST(LoginForm, ThatIsNoneIsRefused) {
  for (const char* body : {"", "user=ada", "password=x", "user=ada&user=bob&password=x",
                           "user=ada&password=x&password=y", "{\"user\":\"ada\"}", "logout=2"}) {
    EXPECT_FALSE(read_login_form(body).has_value()) << body;
  }
}

TEST(LoginForm, SignsOut) {
  const auto form = read_login_form("logout=1");
  ASSERT_TRUE(form.has_value());
  EXPECT_TRUE(form->logout);
}

}  // namespace
}  // namespace bascule::web
