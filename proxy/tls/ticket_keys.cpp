#include "proxy/tls/ticket_keys.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cassert>
#include <stdexcept>
#include <string>
#include <utility>

#include "proxy/base/bytes.hpp"

namespace bascule::tls {
namespace {

constexpr std::string_view way_out = "`openssl rand 80 > FILE` makes one";

// The one that seals, and the one that did before.
constexpr std::size_t kept = 2;

// What people do instead of the command above.
std::string fault_of(Bytes file) {
  if (file.empty()) { return "it is empty"; }
  if (file.size() == 48) {
    return "it has 48 bytes: that is nginx's older form, with a key of AES-128, where 80 are needed";
  }
  const bool is_text = std::all_of(file.begin(), file.end(), [](std::uint8_t byte) { return byte < 0x7f; });
  if (file.size() != TicketKey::bytes) {
    return fmt::format("it has {} bytes, where 80 are needed{}", file.size(),
                       is_text && file.size() > 80 ? ", as they come, neither -hex nor -base64" : "");
  }
  // 80 random bytes are all of them ASCII once in 2^80.
  if (is_text) { return "its bytes are not random but text"; }
  const bool all_equal = std::all_of(file.begin(), file.end(), [&](std::uint8_t byte) { return byte == file.front(); });
  return all_equal ? "all of its bytes are equal" : std::string();
}

}  // namespace

TicketKey::~TicketKey() {
  OPENSSL_cleanse(name.data(), name.size());
  OPENSSL_cleanse(hmac.data(), hmac.size());
  OPENSSL_cleanse(aes.data(), aes.size());
}

Result<TicketKey, Bad> TicketKey::read(std::string_view file) {
  const Bytes all = bytes_of(file);
  const std::string fault = fault_of(all);
  if (!fault.empty()) { return Bad{Bad::What::ticket_key, fmt::format("{}; {}", fault, way_out)}; }
  TicketKey key;
  std::copy_n(all.begin(), key.name.size(), key.name.begin());
  std::copy_n(all.begin() + 16, key.hmac.size(), key.hmac.begin());
  std::copy_n(all.begin() + 48, key.aes.size(), key.aes.begin());
  return key;
}

TicketKey TicketKey::random() {
  TicketKey key;
  // The name goes over the wire in the clear, the others never: they come from different generators.
  if (RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) != 1 ||
      RAND_priv_bytes(key.hmac.data(), static_cast<int>(key.hmac.size())) != 1 ||
      RAND_priv_bytes(key.aes.data(), static_cast<int>(key.aes.size())) != 1) {
    throw std::runtime_error("the system gives no random bytes");
  }
  return key;
}

TicketKeys::TicketKeys(std::vector<TicketKey> fixed) : keys_(std::move(fixed)), fixed_(true) {
  assert(!keys_.empty());
}

void TicketKeys::rotate() {
  const std::lock_guard lock(mutex_);
  if (fixed_ || keys_.empty()) { return; }
  const TicketKey fresh = TicketKey::random();
  keys_.insert(keys_.begin(), fresh);
  if (keys_.size() > kept) { keys_.resize(kept); }
}

// A process without TLS makes none: OpenSSL's generator takes 3 MiB to wake up.
TicketKey TicketKeys::sealing() const {
  const std::lock_guard lock(mutex_);
  if (keys_.empty()) { keys_.push_back(TicketKey::random()); }
  return keys_.front();
}

std::optional<TicketKeys::Found> TicketKeys::opening(std::span<const std::uint8_t, 16> name) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(keys_.begin(), keys_.end(), [name](const TicketKey& key) {
    return std::equal(name.begin(), name.end(), key.name.begin());
  });
  if (found == keys_.end()) { return std::nullopt; }
  return Found{.key = *found, .newest = found == keys_.begin()};
}

}  // namespace bascule::tls
