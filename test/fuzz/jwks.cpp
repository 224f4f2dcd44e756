// Keys to verify with, as JWKS, as PEM, as a secret: whatever is taken has a key that can be used, and whatever is not
// has a reason that can be printed.
#include <string>
#include <vector>

#include "proxy/proof/key_set.hpp"
#include "test/fuzz/fuzz.hpp"

namespace bascule::fuzz {
namespace {

using namespace proof;

const std::vector<Algorithm> all{Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256,
                                 Algorithm::PS384, Algorithm::PS512, Algorithm::ES256, Algorithm::ES384,
                                 Algorithm::EdDSA, Algorithm::HS256, Algorithm::HS384, Algorithm::HS512};

enum class Material { known_to_all, secret };

bool is_hmac(Algorithm algorithm) {
  return word_of(algorithm).starts_with("HS");
}

void check(const Result<KeySet, KeySet::Bad>& read, const std::vector<Algorithm>& allowed, Material material) {
  if (!read) {
    require(!read.error().why.empty(), "a no has a reason");
    require_printable(read.error().why, "a reason is safe to print");
    require(read.error().why.size() <= 400, "a reason is short", read.error().why);
    return;
  }
  require(read->size() >= 1 && read->size() <= KeySet::keys_max, "a set has keys, and not too many");
  require(!read->algorithms().empty(), "a key is for something");
  for (const Algorithm algorithm : read->algorithms()) {
    require(is_hmac(algorithm) == (material == Material::secret), "what all know is no secret", word_of(algorithm));
    require(allowed.empty() || std::find(allowed.begin(), allowed.end(), algorithm) != allowed.end(),
            "the rules have the last word", word_of(algorithm));
    const auto candidates = read->candidates(algorithm, nullptr);
    require(!candidates.empty(), "an algorithm has a key", word_of(algorithm));
    // Not with EdDSA: some keys that nobody would make (their point is of a small order) take this signature for
    // theirs.
    if (algorithm == Algorithm::EdDSA) { continue; }
    for (const std::size_t size : {0U, 32U, 64U, 96U, 256U}) {
      require(!verifies(*candidates.front(), algorithm, "text", std::string(size, '\0')), "zeros sign nothing");
    }
  }
}

}  // namespace
}  // namespace bascule::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bascule;
  using namespace bascule::fuzz;
  using proof::KeySet;
  const std::string_view text = text_of(Bytes(data, size));
  for (const auto& allowed : {std::vector<proof::Algorithm>(), all}) {
    check(KeySet::from_jwks(text, allowed), allowed, Material::known_to_all);
    check(KeySet::from_pem(text, allowed), allowed, Material::known_to_all);
    check(KeySet::from_secret(text, allowed), allowed, Material::secret);
  }
  return 0;
}
