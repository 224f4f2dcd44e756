#include "proxy/wire/http/answer.hpp"

#include <gtest/gtest.h>

namespace bascule::wire::http {
namespace {

TEST(AnswerHead, WritesStatusFieldsAndTheEmptyLine) {
  AnswerHead head(404);
  head.field("Content-Length", "0").field("Connection", "close");
  EXPECT_EQ(head.done(), "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

TEST(AnswerHead, NeedsNoFields) {
  EXPECT_EQ(AnswerHead(204).done(), "HTTP/1.1 204 No Content\r\n\r\n");
}

// RFC 9112, section 4: the space stays, the phrase may be empty.
TEST(AnswerHead, KeepsTheSpaceInFrontOfAnEmptyPhrase) {
  EXPECT_EQ(AnswerHead(299).done(), "HTTP/1.1 299 \r\n\r\n");
}

TEST(ReasonPhrase, IsThereForEveryStatusThatWeSend) {
  for (const int status :
       {101, 200, 206, 304, 400, 401, 403, 404, 405, 408, 414, 416, 421, 426, 429, 431, 500, 502, 503, 504, 505}) {
    EXPECT_NE(reason_phrase(status), "") << status;
  }
  EXPECT_EQ(reason_phrase(426), "Upgrade Required");
  EXPECT_EQ(reason_phrase(999), "");
}

}  // namespace
}  // namespace bascule::wire::http
