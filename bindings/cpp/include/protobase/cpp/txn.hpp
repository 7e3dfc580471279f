// txn.hpp - transactions: reading a state, staging changes on top of it, one commit.
//
// Ownership: a transaction ends when it is committed or aborted, and is aborted when it goes without
// either. Handles, entries, rows and blobs that came from it end with it: they are refused (INVALID)
// from then on. Threads: confined, with all that came from it. Errors: a CONFLICT is begun anew, which
// database::run does; an UNKNOWN is asked for with error::token (space::outcome).
#ifndef PROTOBASE_CPP_TXN_HPP
#define PROTOBASE_CPP_TXN_HPP
#include <protobase/cpp/call.hpp>
#include <protobase/cpp/snapshot.hpp>

namespace protobase
{

struct txn_options {
    bool snapshot_isolation = false; // serializable otherwise
    bool read_only = false;
    int durability = PBASE_DURABILITY_DEFAULT; // PBASE_DURABILITY_*
    std::uint32_t retries_max = 0;             // of run(); 0: PBASE_TXN_RETRIES
    // Of large transactions; 0: the usual ones (core's txn.h).
    std::uint64_t memory_bytes_max = 0, log_bytes_max = 0;
    [[nodiscard]] pbase_txn_options raw() const
    {
        pbase_txn_options out = pbase_txn_options_default();
        out.isolation = snapshot_isolation ? PBASE_SNAPSHOT_ISOLATION : PBASE_SERIALIZABLE;
        out.read_only = read_only;
        out.durability = durability;
        out.retries_max = retries_max;
        out.memory_bytes_max = memory_bytes_max;
        out.log_bytes_max = log_bytes_max;
        return out;
    }
};

namespace detail
{
struct txn_node final : node {
    txn_node(std::shared_ptr<node> from, pbase_txn *txn, bool is_lent)
        : node(std::move(from), true), raw(txn), lent(is_lent)
    {
    }
    ~txn_node() override
    {
        leave();
        finish();
    }
    static std::shared_ptr<txn_node> taken(std::shared_ptr<node> from, pbase_txn *txn)
    {
        struct guard { // no memory for the node
            pbase_txn *txn;
            ~guard()
            {
                pbase_txn_abort(&txn);
            }
        } kept{txn};
        auto made = std::make_shared<txn_node>(std::move(from), nullptr, false);
        made->raw = std::exchange(kept.txn, nullptr);
        return made;
    }
    [[nodiscard]] bool is_txn() const override
    {
        return true;
    }
    [[nodiscard]] bool is_alive() const override
    {
        return raw != nullptr;
    }
    void finish() override
    {
        if (!lent) {
            pbase_txn_abort(&raw); // nothing after a commit
        }
        raw = nullptr;
    }
    pbase_txn *raw;
    bool lent; // of pbase_txn_run, which ends it
};

template <class T, class = void> struct is_collection : std::false_type {
};
template <class T> struct is_collection<T, std::void_t<typename T::raw_type>> : std::true_type {
};
} // namespace detail

// A transaction; one that goes without a commit is aborted.
class txn
{
  public:
    txn(std::shared_ptr<detail::node> from, pbase_txn *raw)
        : state_(detail::txn_node::taken(std::move(from), raw))
    {
    }
    txn(txn &&) noexcept = default;
    txn &operator=(txn &&other) noexcept
    {
        if (this != &other) {
            leave();
            state_ = std::move(other.state_);
        }
        return *this;
    }
    txn(const txn &) = delete;
    txn &operator=(const txn &) = delete;
    ~txn()
    {
        leave();
    }
    [[nodiscard]] result<protobase::dict> dict(detail::name name)
    {
        return opened<protobase::dict, pbase_dict>(name, pbase_txn_dict);
    }
    [[nodiscard]] result<protobase::list> list(detail::name name)
    {
        return opened<protobase::list, pbase_list>(name, pbase_txn_list);
    }
    [[nodiscard]] result<protobase::set> set(detail::name name)
    {
        return opened<protobase::set, pbase_set>(name, pbase_txn_set);
    }
    [[nodiscard]] result<protobase::hash_dict> hash_dict(detail::name name)
    {
        return opened<protobase::hash_dict, pbase_hash_dict>(name, pbase_txn_hash_dict);
    }
    [[nodiscard]] result<protobase::multi_dict> multi_dict(detail::name name)
    {
        return opened<protobase::multi_dict, pbase_multi_dict>(name, pbase_txn_multi_dict);
    }
    [[nodiscard]] result<protobase::counted_set> counted_set(detail::name name)
    {
        return opened<protobase::counted_set, pbase_counted_set>(name, pbase_txn_counted_set);
    }
    // New and empty, until they are stored.
    [[nodiscard]] result<protobase::dict> new_dict()
    {
        return created<protobase::dict, pbase_dict>(pbase_txn_new_dict);
    }
    [[nodiscard]] result<protobase::list> new_list()
    {
        return created<protobase::list, pbase_list>(pbase_txn_new_list);
    }
    [[nodiscard]] result<protobase::set> new_set()
    {
        return created<protobase::set, pbase_set>(pbase_txn_new_set);
    }
    [[nodiscard]] result<protobase::hash_dict> new_hash_dict()
    {
        return created<protobase::hash_dict, pbase_hash_dict>(pbase_txn_new_hash_dict);
    }
    [[nodiscard]] result<protobase::multi_dict> new_multi_dict()
    {
        return created<protobase::multi_dict, pbase_multi_dict>(pbase_txn_new_multi_dict);
    }
    [[nodiscard]] result<protobase::counted_set> new_counted_set()
    {
        return created<protobase::counted_set, pbase_counted_set>(pbase_txn_new_counted_set);
    }
    // The root's, or a new one when there is no such root.
    [[nodiscard]] result<protobase::dict> ensure_dict(detail::name name)
    {
        auto found = dict(name);
        return found || !found.failure().is_not_found() ? std::move(found) : new_dict();
    }
    [[nodiscard]] result<protobase::list> ensure_list(detail::name name)
    {
        auto found = list(name);
        return found || !found.failure().is_not_found() ? std::move(found) : new_list();
    }
    [[nodiscard]] result<protobase::set> ensure_set(detail::name name)
    {
        auto found = set(name);
        return found || !found.failure().is_not_found() ? std::move(found) : new_set();
    }
    [[nodiscard]] result<protobase::hash_dict> ensure_hash_dict(detail::name name)
    {
        auto found = hash_dict(name);
        return found || !found.failure().is_not_found() ? std::move(found) : new_hash_dict();
    }
    [[nodiscard]] result<protobase::multi_dict> ensure_multi_dict(detail::name name)
    {
        auto found = multi_dict(name);
        return found || !found.failure().is_not_found() ? std::move(found) : new_multi_dict();
    }
    [[nodiscard]] result<protobase::counted_set> ensure_counted_set(detail::name name)
    {
        auto found = counted_set(name);
        return found || !found.failure().is_not_found() ? std::move(found) : new_counted_set();
    }
    [[nodiscard]] result<protobase::value> value(detail::name name)
    {
        detail::decoded memory;
        return memory.get([&](pbase_arena *arena, pbase_value *out, pbase_error *err) {
            return pbase_txn_value(raw(), name, arena, out, err);
        });
    }

    // Stages this version of a collection under a root; the handle can be edited further.
    template <class Kind, std::enable_if_t<detail::is_collection<Kind>::value, int> = 0>
    result<void> store(detail::name name, const Kind &what)
    {
        if (what.raw() == nullptr) {
            return detail::gone();
        }
        return detail::checked([&](pbase_error *err) {
            return pbase_txn_store(raw(), name, detail::any(what.raw()), err);
        });
    }
    // A plain value, which may hold collections.
    result<void> store(detail::name name, const protobase::value &what)
    {
        auto alive = what.usable();
        return alive ? detail::checked([&](pbase_error *err) {
            return pbase_txn_store_value(raw(), name, &what.raw(), err);
        })
                     : alive;
    }
    // The collection at the end of a path below a root; no step: the root's own.
    [[nodiscard]] result<collection> at(detail::name root, const steps &way = {})
    {
        detail::many raw_way(way);
        return made<collection, pbase_collection>([&](pbase_collection **out, pbase_error *err) {
            return pbase_txn_at(raw(), root, raw_way.data(), raw_way.size(), out, err);
        });
    }
    // Puts a collection there, and everything above it back where it was.
    template <class Kind, std::enable_if_t<detail::is_collection<Kind>::value, int> = 0>
    result<void> store_at(detail::name root, const steps &way, const Kind &what)
    {
        detail::many raw_way(way);
        if (what.raw() == nullptr) {
            return detail::gone();
        }
        return detail::checked([&](pbase_error *err) {
            return pbase_txn_store_at(raw(), root, raw_way.data(), raw_way.size(),
                                      detail::any(what.raw()), err);
        });
    }
    [[nodiscard]] result<std::vector<root>> roots()
    {
        return detail::roots_of([&](pbase_root_each each, void *state, pbase_error *err) {
            return pbase_txn_roots(raw(), each, state, err);
        });
    }
    result<void> drop(detail::name name)
    {
        return detail::checked(
            [&](pbase_error *err) { return pbase_txn_drop_root(raw(), name, err); });
    }

    // A transaction inside this one: its commit adds to what this one has staged.
    [[nodiscard]] result<txn> nested(const txn_options &options = {})
    {
        pbase_txn_options raw_options = options.raw();
        return made<txn, pbase_txn>([&](pbase_txn **out, pbase_error *err) {
            return pbase_txn_begin_nested(raw(), &raw_options, out, err);
        });
    }
    // Ends it, whatever comes of it, and the handles that came from it; the sequence of its record.
    result<std::uint64_t> commit(const call &wait = {})
    {
        if (state_ == nullptr) {
            return detail::gone();
        }
        if (state_->lent) {
            return error(PBASE_INVALID, "run() commits this transaction; return from its body");
        }
        for (detail::node *one = state_->first(); one != nullptr; one = one->next()) {
            if (one->is_txn()) {
                return error(PBASE_INVALID, "a nested transaction is open in this one");
            }
        }
        state_->end_below();
        std::uint64_t sequence = 0;
        auto done = detail::checked([&](pbase_error *err) {
            return pbase_txn_commit(&state_->raw, wait.raw(), &sequence, err);
        });
        state_->end();
        if (!done) {
            return done.failure();
        }
        return sequence;
    }
    void abort()
    {
        if (state_ != nullptr &&
            !state_->lent) { // run() ends its own: return a failure from the body
            state_->end();
        }
    }
    [[nodiscard]] pbase_txn *raw() const
    {
        return state_ ? state_->raw : nullptr;
    }
    // For calls of the layer: the parent of what comes from it.
    [[nodiscard]] std::shared_ptr<detail::txn_node> shared() const
    {
        return state_;
    }

  private:
    friend class database;
    explicit txn(std::shared_ptr<detail::txn_node> lent) : state_(std::move(lent))
    {
    }
    void leave()
    {
        if (state_ != nullptr && !state_->lent) {
            state_->end();
        }
        state_.reset();
    }

    template <class Object, class T, class Call> result<Object> made(Call &&call)
    {
        T *out = nullptr;
        auto done = detail::checked([&](pbase_error *err) { return call(&out, err); });
        if (!done) {
            return done.failure();
        }
        return Object(state_, out);
    }
    template <class Object, class T>
    result<Object> opened(const char *name,
                          pbase_status (*open)(pbase_txn *, const char *, T **, pbase_error *))
    {
        return made<Object, T>(
            [&](T **out, pbase_error *err) { return open(raw(), name, out, err); });
    }
    template <class Object, class T>
    result<Object> created(pbase_status (*create)(pbase_txn *, T **, pbase_error *))
    {
        return made<Object, T>([&](T **out, pbase_error *err) { return create(raw(), out, err); });
    }
    std::shared_ptr<detail::txn_node> state_;
};

} // namespace protobase
#endif
