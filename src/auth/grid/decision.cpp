#include "auth/grid/decision.hpp"

#include <utility>

#include <fmt/format.h>

namespace diglett::auth::grid {

Answer answer_of(Reason reason) {
    if (reason == Reason::Allowed) {
        return Answer::Allowed;
    }
    return reason < Reason::NoPallet ? Answer::NotAllowed : Answer::CannotDecide;
}

std::string_view words(Reason reason) {
    switch (reason) {
        case Reason::Allowed:
            return "the chain allows it";
        case Reason::NoSuchTwin:
            return "the chain knows no twin with this id";
        case Reason::ZeroAccount:
            return "the twin's account on the chain is all zero";
        case Reason::SignatureWrong:
            return "the token is not signed by the twin's account";
        case Reason::AccountChanged:
            return "the twin belongs to another account now";
        case Reason::NameNotInToken:
            return "the token is for another name";
        case Reason::NameNotUsable:
            return "the chain sells this name, but it cannot be part of a host name: 3 to 63 of "
                   "a-z, "
                   "0-9 and '-', neither first nor last a '-'";
        case Reason::NotRegistered:
            return "the chain has no name contract for this name; one just bought may need a "
                   "minute "
                   "to be final";
        case Reason::ContractMissing:
            return "the name contract is no longer on the chain";
        case Reason::NotANameContract:
            return "the contract registered for this name is no name contract";
        case Reason::OtherName:
            return "the contract registered for this name is for another one";
        case Reason::OtherTwin:
            return "the name contract belongs to another twin";
        case Reason::ContractDeleted:
            return "the name contract has ended";
        case Reason::InGracePeriod:
            return "the name contract is in its grace period, which this gateway does not accept";
        case Reason::NoPallet:
            return "the chain does not keep twins or contracts where it did";
        case Reason::PalletVersionUnreadable:
            return "the version of a pallet was not understood";
        case Reason::UnknownVersion:
            return "the chain has a newer version than this gateway knows";
        case Reason::TwinUnreadable:
            return "the twin on the chain was not understood";
        case Reason::StoredTwinDiffers:
            return "the chain gave another twin than the one asked for";
        case Reason::RegistrationUnreadable:
            return "the registration of the name was not understood";
        case Reason::ContractUnreadable:
            return "the contract on the chain was not understood";
        case Reason::StoredContractDiffers:
            return "the chain gave another contract than the one asked for";
        case Reason::BlockTimeUnreadable:
            return "the time of the block was not understood";
        case Reason::BlockStale:
            return "the node's newest block is not of now";
    }
    std::unreachable();
}

std::string words(const Warning& warning) {
    std::string_view of = "a name contract's value";
    if (warning.of != Warning::Of::Contract) {
        of = warning.of == Warning::Of::TwinPallet ? "pallet TfgridModule"
                                                   : "pallet SmartContractModule";
    }
    if (!warning.found) {
        return fmt::format("{} says no version", of);
    }
    return fmt::format("{} has version {}, which is newer than those known", of, *warning.found);
}

}  // namespace diglett::auth::grid
