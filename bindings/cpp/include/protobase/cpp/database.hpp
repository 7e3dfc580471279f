// database.hpp - one database of a space: its state now and in the past, transactions in it.
//
// Ownership: it keeps its space alive, and is kept alive by what comes from it. Threads: synchronized.
// Errors: everything begun in one that was dropped or renamed is NOT_FOUND.
#ifndef PROTOBASE_CPP_DATABASE_HPP
#define PROTOBASE_CPP_DATABASE_HPP
#include <protobase/cpp/moment.hpp>
#include <protobase/cpp/txn.hpp>

namespace protobase
{
namespace detail
{
// What a body of run gives: what is in its result, nothing of one that gives nothing.
template <class T> struct given {
    using type = void;
    static_assert(std::is_void_v<T>, "the body of run() returns nothing or a result<T>");
};
template <class T> struct given<result<T>> {
    using type = T;
};
} // namespace detail

class database
{
  public:
    database(std::shared_ptr<detail::node> from, pbase_database *raw) : raw_(std::move(from), raw)
    {
    }
    // The name it was opened by.
    [[nodiscard]] std::string_view name() const
    {
        return raw() == nullptr ? "" : pbase_database_name(raw());
    }
    // The newest committed state.
    [[nodiscard]] result<protobase::snapshot> snapshot() const
    {
        return detail::made<protobase::snapshot, pbase_snapshot>(
            raw_, [&](pbase_snapshot **out, pbase_error *err) {
                return pbase_snapshot_open(raw(), out, err);
            });
    }
    // The state at a moment of the past. NOT_FOUND: not kept any more, or not there yet, with the
    // nearest (history.hpp has the range).
    [[nodiscard]] result<protobase::snapshot> snapshot(const moment &at,
                                                       const call &wait = {}) const
    {
        return detail::made<protobase::snapshot, pbase_snapshot>(
            raw_, [&](pbase_snapshot **out, pbase_error *err) {
                return pbase_snapshot_open_at(raw(), at.raw(), wait.raw(), out, err);
            });
    }
    [[nodiscard]] result<txn> begin(const txn_options &options = {}) const
    {
        return detail::made<txn, pbase_txn>(
            raw_, [&, raw_options = options.raw()](pbase_txn **out, pbase_error *err) {
                return pbase_txn_begin(raw(), &raw_options, out, err);
            });
    }
    // Runs `body` in a transaction and commits; begins anew on a conflict. `body` takes a txn & and
    // returns a result<T>, which run returns once it is committed, or nothing. A failure it returns, and
    // an exception it throws, abort and come out here. It does not end the transaction itself.
    template <class Body>
    auto run(Body &&body, const txn_options &options = {}, const call &wait = {}) const
        -> result<typename detail::given<std::invoke_result_t<Body &, txn &>>::type>
    {
        using held = typename detail::given<std::invoke_result_t<Body &, txn &>>::type;
        if constexpr (std::is_void_v<held>) {
            return run_plain(body, options, wait);
        } else {
            std::optional<held> last;
            auto done = run_plain(
                [&](txn &inside) -> result<void> {
                    result<held> made = body(inside);
                    if (!made) {
                        return made.failure();
                    }
                    last.emplace(std::move(made).value());
                    return {};
                },
                options, wait);
            if (!done) {
                return done.failure();
            }
            return std::move(*last);
        }
    }
    [[nodiscard]] pbase_database *raw() const
    {
        return raw_.get();
    }
    // For calls of the layer: the parent of what comes from it.
    [[nodiscard]] auto shared() const
    {
        return raw_.shared();
    }

  private:
    template <class Body>
    result<void> run_plain(Body &&body, const txn_options &options, const call &wait) const
    {
        auto with_txn = [&](pbase_txn *lent) {
            auto node = std::make_shared<detail::txn_node>(raw_.shared(), lent, true);
            struct ender { // of handles that the body left somewhere, also when it throws
                detail::txn_node *node;
                ~ender()
                {
                    node->end();
                }
            } end{node.get()};
            txn inside(node);
            return body(inside);
        };
        using visit_type = detail::visitor<decltype(with_txn)>;
        visit_type visit(with_txn);
        pbase_txn_options raw_options = options.raw();
        return visit.end(detail::checked(raw_, [&](pbase_error *err) {
            return pbase_txn_run(
                raw(), &raw_options, wait.raw(),
                [](pbase_txn *lent, void *state, pbase_error *cause) {
                    return (*static_cast<visit_type *>(state))(cause, lent);
                },
                &visit, err);
        }));
    }
    detail::handle<pbase_database, pbase_database_close> raw_;
};

} // namespace protobase
#endif
