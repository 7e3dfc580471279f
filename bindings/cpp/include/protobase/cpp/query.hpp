// query.hpp - questions: parse once, bind, run on a snapshot or in a transaction, go through rows.
//
//     auto adults = protobase::query::parse("from people | where born < $year | order by name").value();
//     adults.bind("year", 2008).value();
//     auto rows = adults.run(snapshot).value();
//     for (protobase::view row : rows) std::cout << row["name"].get_or<std::string>("?");
//
// Ownership: a query is its own; rows keep the snapshot alive, or end with their transaction. Threads: a
// query is confined while it is bound to, and immutable otherwise: many runs may go on at once, each
// with parameters of its own (query_options). Rows are confined. Errors: docs/query.md.
#ifndef PROTOBASE_CPP_QUERY_HPP
#define PROTOBASE_CPP_QUERY_HPP
#include <protobase/cpp/txn.hpp>

namespace protobase
{

struct query_options {
    call wait;                             // deadline and cancel flag of the whole run
    std::uint64_t memory_budget_bytes = 0; // of sorts, groups and joins; 0: 1 GiB
    std::uint64_t row_limit = 0;           // of the result; 0: no limit
    std::uint32_t chunk_rows = 0;          // worked on at once; 0: PBASE_CHUNK_ROWS
    std::uint32_t rules_off = 0;           // PBASE_RULE_*, for diagnosis
    value parameters;                      // of this run alone: a map, or null
};

// Rows together, for code that reads columns; lent until the next chunk.
class chunk
{
  public:
    explicit chunk(const pbase_chunk *raw) : raw_(raw)
    {
    }
    [[nodiscard]] std::size_t rows() const
    {
        return raw_->selected_count;
    }
    // Named columns; 1 (the documents) when there are none.
    [[nodiscard]] std::size_t columns() const
    {
        return raw_->column_count;
    }
    [[nodiscard]] view cell(std::size_t row, std::size_t column) const
    {
        const auto number = pbase_chunk_row(raw_, static_cast<std::uint32_t>(row));
        return view(raw_->columns[column].cells[number]);
    }

  private:
    const pbase_chunk *raw_;
};

// The rows of one run, for a range-based for; a row is lent until the next one.
class rows : public detail::stepping
{
  public:
    rows(std::shared_ptr<detail::node> from, pbase_result *raw, call wait = {})
        : wait_(std::make_unique<call>(std::move(wait))), raw_(std::move(from), raw)
    {
    }
    using iterator = detail::step_iterator<rows, view>;
    iterator begin()
    {
        return iterator(advance() ? this : nullptr);
    }
    iterator end()
    {
        return iterator(nullptr);
    }
    // Many rows at a time; nothing behind the last. Not to be mixed with the loop over rows.
    [[nodiscard]] result<std::optional<chunk>> next_chunk()
    {
        error cause;
        const pbase_chunk *raw = nullptr;
        if (raw_.get() == nullptr) {
            return detail::gone();
        }
        pbase_status status = pbase_result_next_chunk(raw_.get(), &raw, cause.raw());
        if (status == PBASE_OK) {
            return std::optional<chunk>(chunk(raw));
        }
        if (status == PBASE_END) {
            return std::optional<chunk>();
        }
        cause.adopt(status);
        return cause;
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
    friend iterator;
    friend class query;
    [[nodiscard]] const view &current() const
    {
        return current_;
    }
    bool advance()
    {
        error cause;
        pbase_value row = pbase_value_null();
        if (raw_.get() == nullptr) {
            return stop(detail::gone());
        }
        pbase_status status = pbase_result_next(raw_.get(), &row, cause.raw());
        current_ = view(row);
        return stepped(status, cause);
    }
    std::unique_ptr<call> wait_; // borrowed by the run
    detail::handle<pbase_result, pbase_result_close> raw_;
    view current_;
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
    // The names of its parameters, in the order of first use.
    [[nodiscard]] std::vector<std::string> parameters() const
    {
        std::vector<std::string> names;
        for (std::size_t i = 0; raw() != nullptr && i < pbase_query_parameter_count(raw()); i++) {
            names.emplace_back(pbase_query_parameter_name(raw(), i));
        }
        return names;
    }
    result<void> bind(detail::name name, const value &held)
    {
        return detail::checked(raw_, [&](pbase_error *err) {
            return pbase_query_bind(raw(), name, &held.raw(), err);
        });
    }
    [[nodiscard]] result<rows> run(const snapshot &on, const query_options &options = {}) const
    {
        return started(
            on.shared(), options,
            [&](const pbase_query_options *raw_options, pbase_result **out, pbase_error *err) {
                return on.raw() == nullptr
                           ? detail::refused(err)
                           : pbase_query_run(raw(), on.raw(), raw_options, out, err);
            });
    }
    // On what the transaction sees; it must not be changed while the rows are there.
    [[nodiscard]] result<rows> run(txn &in, const query_options &options = {}) const
    {
        return started(
            in.shared(), options,
            [&](const pbase_query_options *raw_options, pbase_result **out, pbase_error *err) {
                return in.raw() == nullptr
                           ? detail::refused(err)
                           : pbase_query_run_in(raw(), in.raw(), raw_options, out, err);
            });
    }
    // How it would run: as text, as a stable map, or as the JSON plan.
    [[nodiscard]] result<value> explain(pbase_explain_form form = PBASE_EXPLAIN_TEXT) const
    {
        detail::decoded memory;
        if (raw() == nullptr) {
            return detail::gone();
        }
        return memory.get([&](pbase_arena *arena, pbase_value *out, pbase_error *err) {
            return pbase_query_explain(raw(), form, arena, out, err);
        });
    }
    // The same with what a snapshot knows of its collections.
    [[nodiscard]] result<value> explain(const snapshot &on,
                                        pbase_explain_form form = PBASE_EXPLAIN_TEXT) const
    {
        detail::decoded memory;
        if (raw() == nullptr || on.raw() == nullptr) {
            return detail::gone();
        }
        return memory.get([&](pbase_arena *arena, pbase_value *out, pbase_error *err) {
            return pbase_query_explain_on(raw(), on.raw(), form, arena, out, err);
        });
    }
    // Its JSON plan, lent by the query.
    [[nodiscard]] view plan() const
    {
        return raw() == nullptr ? view() : view(*pbase_query_plan(raw()));
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
    template <class Call>
    [[nodiscard]] result<rows> started(std::shared_ptr<detail::node> from,
                                       const query_options &options, Call &&run_it) const
    {
        rows out(std::move(from), nullptr, options.wait);
        pbase_query_options raw_options{};
        raw_options.struct_size = sizeof raw_options;
        raw_options.chunk_rows = options.chunk_rows;
        raw_options.call = out.wait_->raw();
        raw_options.memory_budget_bytes = options.memory_budget_bytes;
        raw_options.row_limit = options.row_limit;
        raw_options.rules_off = options.rules_off;
        raw_options.parameters = options.parameters.is_null() ? nullptr : &options.parameters.raw();
        auto done = detail::checked(
            raw_, [&](pbase_error *err) { return run_it(&raw_options, out.raw_.slot(), err); });
        if (!done) {
            return done.failure();
        }
        return out;
    }
    detail::handle<pbase_query, pbase_query_destroy> raw_;
};

} // namespace protobase
#endif
