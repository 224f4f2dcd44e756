// Secrets: kept out of everything that is printed, compared in constant time, wiped when they go.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace bascule::proof {

// What an operator keeps in a file or in the environment. Nothing prints it: logs, errors and `show` name its source.
class Secret {
 public:
  // `source`: as the rules write it: "{file: robot.token}", "{env: ROBOT_TOKEN}".
  Secret(std::string bytes, std::string source);
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept;  // `other` is empty afterwards
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  const std::string& bytes() const { return bytes_; }
  const std::string& source() const { return source_; }

  // Holds the same; in constant time.
  friend bool operator==(const Secret& a, const Secret& b);

 private:
  std::string bytes_;
  std::string source_;
};

// Are the two the same? Takes the same time for all texts of one length: digests are compared, not texts.
bool same_secret(std::string_view a, std::string_view b);

// 32 bytes each.
std::string sha256(std::string_view text);
std::string hmac_sha256(std::string_view key, std::string_view text);

// Is `code` the HMAC-SHA-256 of the text by one of these? All are tried, so that nobody sees by the time which one it
// is.
bool is_signed_by_one_of(const std::vector<Secret>& secrets, std::string_view text, std::string_view code);

// From the kernel's generator; OpenSSL's, which draws on it, takes 3 MiB to wake up. Throws where there is none.
std::string random_bytes(std::size_t count);

// Overwrites the text, so that it is not left behind in memory, and empties it.
void wipe(std::string& text);

}  // namespace bascule::proof
