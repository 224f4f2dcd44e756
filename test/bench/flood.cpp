#include "test/bench/flood.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "test/bench/framing.hpp"
#include "test/bench/loop.hpp"
#include "test/bench/metronome.hpp"

namespace bascule::bench {
namespace {

// Those of logins.py. Every fourth guess is at one of them.
constexpr std::array<std::string_view, 3> known_users{"ada", "grace", "alan"};
constexpr std::uint64_t known_every = 4;

// The proxy gives up on a password after 15 seconds, so as many may be under way.
constexpr std::size_t under_way_max = 20'000;

std::string base64(std::string_view text) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string encoded;
  for (std::size_t at = 0; at < text.size(); at += 3) {
    std::uint32_t bits = 0;
    for (std::size_t i = at; i < at + 3; ++i) {
      bits = bits << 8U | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      encoded.push_back(at + i > text.size() ? '=' : alphabet[bits >> (18 - 6 * i) & 0x3fU]);
    }
  }
  return encoded;
}

std::string guess(std::uint64_t number, Credential credential) {
  std::string authorization;
  if (credential == Credential::wrong) {
    const std::string user = number % known_every == 0
                                 ? std::string(known_users.at(number / known_every % known_users.size()))
                                 : fmt::format("nobody-{}", number);
    authorization = fmt::format("Authorization: Basic {}\r\n", base64(fmt::format("{}:guess-{}", user, number)));
  }
  return upgrade_request("/staff", authorization);
}

// 127.1.0.1 and on; none comes again before sixteen million.
std::uint32_t address_of(std::uint64_t number) {
  constexpr std::uint32_t first = 0x7f'01'00'01;
  constexpr std::uint32_t host_bits = 0x00'ff'ff'ff;
  return (first & ~host_bits) | ((first + static_cast<std::uint32_t>(number)) & host_bits);
}

class Guesser final : public Handler {
 public:
  Guesser(Loop& loop, std::map<int, std::uint64_t>& by_status) : loop_(loop), by_status_(by_status) {}

  [[nodiscard]] bool is_free() const { return !socket_.is_open(); }

  void start(std::uint16_t port, std::uint32_t from, std::string request) {
    head_.clear();
    unsent_ = std::move(request);
    socket_ = start_connecting_to(port, from);
    loop_.add(socket_, *this, EPOLLOUT);
  }

  void on_ready() override {
    if (is_free()) { return; }
    if (!unsent_.empty()) {
      unsent_.erase(0, send_some(socket_, unsent_));
      if (unsent_.empty()) { loop_.change(socket_, *this, EPOLLIN); }
      return;
    }
    std::array<char, 4096> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): recv fills it
    const auto received = receive_some(socket_, buffer.data(), buffer.size());
    if (received) { head_.append(buffer.data(), *received); }
    const bool whole = head_.find("\r\n\r\n") != std::string::npos;
    if (received && !whole) { return; }
    ++by_status_[whole ? status_of(head_) : 0];
    socket_ = Socket();
  }

 private:
  static int status_of(std::string_view head) {
    constexpr std::string_view version = "HTTP/1.1 ";
    int status = 0;
    if (head.starts_with(version)) { std::from_chars(head.data() + version.size(), head.data() + head.size(), status); }
    return status;
  }

  Loop& loop_;
  std::map<int, std::uint64_t>& by_status_;
  Socket socket_;
  std::string unsent_;
  std::string head_;
};

}  // namespace

FloodAnswers flood_with_guesses(const Options& options, const std::atomic<bool>& over) {
  FloodAnswers answers;
  Loop loop;
  std::vector<std::unique_ptr<Guesser>> guessers;
  const auto free_one = [&]() -> Guesser& {
    const auto free = std::find_if(guessers.begin(), guessers.end(), [](const auto& it) { return it->is_free(); });
    if (free != guessers.end()) { return **free; }
    if (guessers.size() == under_way_max) { throw std::runtime_error("the proxy leaves too many logins unanswered"); }
    return *guessers.emplace_back(std::make_unique<Guesser>(loop, answers.by_status));
  };
  const auto begin = Clock::now();
  Metronome metronome(loop, options.flood_a_second, [&](Clock::time_point) {
    const std::uint64_t number = answers.started++;
    free_one().start(options.proxy_port, address_of(number), guess(number, options.flood_credential));
  });
  while (!over) { loop.run_for(std::chrono::milliseconds(10)); }
  answers.elapsed = Clock::now() - begin;
  answers.unanswered = static_cast<std::uint64_t>(
      std::count_if(guessers.begin(), guessers.end(), [](const auto& it) { return !it->is_free(); }));
  return answers;
}

}  // namespace bascule::bench
