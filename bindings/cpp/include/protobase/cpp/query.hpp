// query.hpp - questions: parse once, bind, run on a snapshot or in a transaction, go through rows.
//
//     auto adults = protobase::query::parse("from people | where born < $year | order by name").value();
//     adults.bind("year", 2008).value();
//     auto rows = adults.run(snapshot).value();
//     for (protobase::view row : rows) std::cout << row["name"].get_or<std::string>("?");
#ifndef PROTOBASE_CPP_QUERY_HPP
#define PROTOBASE_CPP_QUERY_HPP
#include <protobase/cpp/space.hpp>

namespace protobase
{

// The rows of one run, for a range-based for; a row is lent until the next one. An error ends the
// loop: with exceptions it is thrown, without them status() has it.
class rows
{
  public:
    rows(std::shared_ptr<detail::node> from, pbase_result *raw) : raw_(std::move(from), raw)
    {
    }
    class iterator
    {
      public:
        explicit iterator(rows *owner) : owner_(owner)
        {
        }
        [[nodiscard]] view operator*() const
        {
            return view(owner_->current_);
        }
        iterator &operator++()
        {
            owner_ = owner_->advance() ? owner_ : nullptr;
            return *this;
        }
        friend bool operator==(const iterator &a, const iterator &b)
        {
            return a.owner_ == b.owner_;
        }
        friend bool operator!=(const iterator &a, const iterator &b)
        {
            return a.owner_ != b.owner_;
        }

      private:
        rows *owner_;
    };
    iterator begin()
    {
        return iterator(advance() ? this : nullptr);
    }
    iterator end()
    {
        return iterator(nullptr);
    }
    [[nodiscard]] const result<void> &status() const
    {
        return status_;
    }
    // The names of the columns; none when rows are whole documents.
    [[nodiscard]] std::vector<std::string> columns() const
    {
        std::vector<std::string> names;
        for (std::size_t i = 0; raw_.get() != nullptr && i < pbase_result_column_count(raw_.get());
             i++) {
            names.emplace_back(detail::text_of(pbase_result_column_name(raw_.get(), i)));
        }
        return names;
    }

  private:
    bool advance()
    {
        error cause = detail::gone();
        pbase_status status = PBASE_INVALID;
        if (raw_.get() != nullptr) {
            pbase_error_init(cause.raw());
            status = pbase_result_next(raw_.get(), &current_, cause.raw());
        }
        if (status == PBASE_OK || status == PBASE_END) {
            return status == PBASE_OK;
        }
        cause.adopt(status);
        status_ = cause;
#if PROTOBASE_EXCEPTIONS
        raise(cause);
#else
        return false;
#endif
    }
    detail::handle<pbase_result, pbase_result_close> raw_;
    pbase_value current_ = pbase_value_null();
    result<void> status_;
};

class query
{
  public:
    explicit query(pbase_query *raw) : raw_(nullptr, raw)
    {
    }
    [[nodiscard]] static result<query> parse(std::string_view text)
    {
        return made([&](pbase_query **out, pbase_error *err) {
            return pbase_query_parse(nullptr, detail::raw_text(text), out, err);
        });
    }
    // Of the JSON plan, as parse_json gives it.
    [[nodiscard]] static result<query> from_plan(const value &plan)
    {
        return made([&](pbase_query **out, pbase_error *err) {
            return pbase_query_from_plan(nullptr, &plan.raw(), out, err);
        });
    }
    result<void> bind(const char *name, const value &held)
    {
        return detail::checked(raw_, [&](pbase_error *err) {
            return pbase_query_bind(raw_.get(), name, &held.raw(), err);
        });
    }
    [[nodiscard]] result<rows> run(const snapshot &on) const
    {
        return detail::made<rows, pbase_result>(on.raw_, [&](pbase_result **out, pbase_error *err) {
            return pbase_query_run(raw_.get(), on.raw(), nullptr, out, err);
        });
    }
    [[nodiscard]] result<rows> run(txn &in) const
    {
        return in.made<rows, pbase_result>([&](pbase_result **out, pbase_error *err) {
            return pbase_query_run_in(raw_.get(), in.raw(), nullptr, out, err);
        });
    }
    [[nodiscard]] view plan() const
    {
        return view(*pbase_query_plan(raw_.get()));
    }
    [[nodiscard]] pbase_query *raw() const
    {
        return raw_.get();
    }

  private:
    template <class Call> static result<query> made(Call &&call)
    {
        pbase_query *raw = nullptr;
        auto done = detail::checked([&](pbase_error *err) { return call(&raw, err); });
        if (!done) {
            return done.failure();
        }
        return query(raw);
    }
    detail::handle<pbase_query, pbase_query_destroy> raw_;
};

} // namespace protobase
#endif
