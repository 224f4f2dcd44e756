// `auth` as it is printed: the proofs, and what routes ask for. Secrets are printed as where they come from.
#pragma once

#include "proxy/config/yaml_writer.hpp"
#include "proxy/proof/proof.hpp"

namespace bascule::config {

YamlValue show_proof(const proof::Proof& proof);
YamlValue show_wanted(const proof::Wanted& wanted);

}  // namespace bascule::config
