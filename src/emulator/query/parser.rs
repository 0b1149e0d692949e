//! From text to a query.

use serde_json::Value;

use super::aggregate::Aggregate;
use super::error::{MAX_DEPTH, QueryError};
use super::expression::{Comparison, Computation, Expression, Path, number};
use super::lexer::{Token, tokens};
use super::syntax::{Column, Columns, Content, Query, Source, Target};

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// [`QueryError`] says what is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let mut query = Parser::of(text)?.query()?;
        query.drop_prefixes();
        query.check()?;
        Ok(query)
    }
}

impl Target {
    /// Reads `*`, a condition, or `FROM devices.modules WHERE` with one.
    ///
    /// # Errors
    /// [`QueryError`] says what is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let mut parser = Parser::of(text)?;
        let is_sourced = parser.takes_word("from");
        let source = if is_sourced {
            parser.source()?
        } else {
            Source::Devices
        };
        if source == Source::Jobs {
            let name = "devices.jobs".to_owned();
            return Err(QueryError::Source { name });
        }
        let is_over = is_sourced && parser.is_over();
        let condition = if is_over || parser.takes_sign("*") {
            None
        } else {
            if is_sourced {
                parser.keyword("WHERE")?;
            }
            Some(parser.any()?)
        };
        parser.finish()?;
        let mut query = Query {
            top: None,
            columns: Columns::All,
            source,
            condition,
            group: None,
        };
        query.drop_prefixes();
        Ok(Self(query))
    }
}

fn is(text: &str, word: &str) -> bool {
    text.eq_ignore_ascii_case(word)
}

/// Words that cannot begin a name.
const RESERVED: [&str; 11] = [
    "select", "top", "from", "where", "group", "by", "as", "and", "or", "in", "nin",
];

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    /// The text's length.
    end: usize,
    depth: usize,
}

type Parsed<T> = Result<T, QueryError>;

impl Parser {
    fn of(text: &str) -> Parsed<Self> {
        Ok(Self {
            tokens: tokens(text)?,
            next: 0,
            end: text.len(),
            depth: 0,
        })
    }

    fn query(&mut self) -> Parsed<Query> {
        self.keyword("SELECT")?;
        let top = if self.takes_word("top") {
            Some(self.count()?)
        } else {
            None
        };
        let columns = self.columns()?;
        self.keyword("FROM")?;
        let source = self.source()?;
        let condition = if self.takes_word("where") {
            Some(self.any()?)
        } else {
            None
        };
        let group = if self.takes_word("group") {
            self.keyword("BY")?;
            Some(self.path()?)
        } else {
            None
        };
        self.finish()?;
        Ok(Query {
            top,
            columns,
            source,
            condition,
            group,
        })
    }

    fn count(&mut self) -> Parsed<usize> {
        let missing = self.missing("a whole number");
        match self.take() {
            Some(Token::Number(value)) => number(value)
                .as_ref()
                .and_then(Value::as_u64)
                .and_then(|count| count.try_into().ok())
                .ok_or(missing),
            Some(Token::Word(_) | Token::Text(_) | Token::Sign(_)) | None => Err(missing),
        }
    }

    fn columns(&mut self) -> Parsed<Columns> {
        if self.takes_sign("*") {
            return Ok(Columns::All);
        }
        let mut columns = vec![self.column()?];
        while self.takes_sign(",") {
            columns.push(self.column()?);
        }
        Ok(Columns::Some(columns))
    }

    fn column(&mut self) -> Parsed<Column> {
        let aggregate = self.function().and_then(Aggregate::named);
        let content = match aggregate {
            None => Content::Path(self.path()?),
            Some(aggregate) => {
                self.next += 2;
                let path = match aggregate {
                    Aggregate::Count => None,
                    Aggregate::Average
                    | Aggregate::Sum
                    | Aggregate::Minimum
                    | Aggregate::Maximum => Some(self.path()?),
                };
                self.sign(")", "')'")?;
                Content::Aggregate(aggregate, path)
            }
        };
        let name = if self.takes_word("as") {
            self.word("a name")?
        } else if let Content::Path(path) = &content {
            path.name().to_owned()
        } else {
            return Err(self.missing("AS and a name for the aggregate"));
        };
        Ok(Column { name, content })
    }

    fn source(&mut self) -> Parsed<Source> {
        let name = self.path()?.0.join(".");
        let all = [
            ("devices", Source::Devices),
            ("devices.modules", Source::Modules),
            ("devices.jobs", Source::Jobs),
        ];
        let found = all.into_iter().find(|(known, _)| is(known, &name));
        found
            .map(|(_, source)| source)
            .ok_or(QueryError::Source { name })
    }

    fn any(&mut self) -> Parsed<Expression> {
        let first = self.all()?;
        self.joined(first, "or", Self::all, Expression::Any)
    }

    fn all(&mut self) -> Parsed<Expression> {
        let first = self.negation()?;
        self.joined(first, "and", Self::negation, Expression::All)
    }

    fn joined(
        &mut self,
        first: Expression,
        word: &str,
        part: fn(&mut Self) -> Parsed<Expression>,
        join: fn(Vec<Expression>) -> Expression,
    ) -> Parsed<Expression> {
        if !self.peeks_word(word) {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.takes_word(word) {
            parts.push(part(self)?);
        }
        Ok(join(parts))
    }

    fn negation(&mut self) -> Parsed<Expression> {
        if !self.takes_word("not") {
            return self.comparison();
        }
        let inner = self.deeper(Self::negation)?;
        Ok(Expression::Not(Box::new(inner)))
    }

    fn comparison(&mut self) -> Parsed<Expression> {
        const SIGNS: [(&str, Comparison); 7] = [
            ("=", Comparison::Equal),
            ("!=", Comparison::Unequal),
            ("<>", Comparison::Unequal),
            ("<", Comparison::Less),
            ("<=", Comparison::LessOrEqual),
            (">", Comparison::Greater),
            (">=", Comparison::GreaterOrEqual),
        ];
        let left = Box::new(self.sum()?);
        if let Some((_, comparison)) = SIGNS.iter().find(|(sign, _)| self.takes_sign(sign)) {
            let right = Box::new(self.sum()?);
            return Ok(Expression::Compare(*comparison, left, right));
        }
        let is_in = self.takes_word("in");
        if is_in || self.takes_word("nin") {
            let array = Box::new(self.sum()?);
            return Ok(Expression::Among {
                is_in,
                value: left,
                array,
            });
        }
        Ok(*left)
    }

    fn sum(&mut self) -> Parsed<Expression> {
        let signs = [("+", Computation::Add), ("-", Computation::Subtract)];
        self.computed(&signs, Self::product)
    }

    fn product(&mut self) -> Parsed<Expression> {
        let signs = [
            ("*", Computation::Multiply),
            ("/", Computation::Divide),
            ("%", Computation::Remainder),
        ];
        self.computed(&signs, Self::sign_of)
    }

    /// From the left: each further part makes what stands so far one level deeper.
    fn computed(
        &mut self,
        signs: &[(&str, Computation)],
        part: fn(&mut Self) -> Parsed<Expression>,
    ) -> Parsed<Expression> {
        let mut left = part(self)?;
        let mut levels = self.depth;
        while let Some((_, computation)) = signs.iter().find(|(sign, _)| self.takes_sign(sign)) {
            levels += 1;
            if levels > MAX_DEPTH {
                return Err(QueryError::Depth);
            }
            let right = part(self)?;
            left = Expression::Compute(*computation, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn sign_of(&mut self) -> Parsed<Expression> {
        if !self.takes_sign("-") {
            return self.primary();
        }
        let inner = self.deeper(Self::sign_of)?;
        let zero = Expression::Constant(Some(0.into()));
        Ok(Expression::Compute(
            Computation::Subtract,
            Box::new(zero),
            Box::new(inner),
        ))
    }

    fn primary(&mut self) -> Parsed<Expression> {
        if self.takes_sign("(") {
            let inner = self.deeper(Self::any)?;
            self.sign(")", "')'")?;
            return Ok(inner);
        }
        if self.takes_sign("[") {
            return self.deeper(Self::array);
        }
        if let Some(name) = self.function().map(str::to_owned) {
            if !is(&name, "is_defined") {
                return Err(QueryError::Function { name });
            }
            self.next += 2;
            let path = self.path()?;
            self.sign(")", "')'")?;
            return Ok(Expression::IsDefined(path));
        }
        let constant = match self.tokens.get(self.next).map(|(_, token)| token) {
            Some(Token::Number(value)) => Some(number(*value)),
            Some(Token::Text(text)) => Some(Some(text.as_str().into())),
            Some(Token::Word(word)) if is(word, "null") => Some(Some(Value::Null)),
            Some(Token::Word(word)) if is(word, "true") => Some(Some(true.into())),
            Some(Token::Word(word)) if is(word, "false") => Some(Some(false.into())),
            Some(Token::Word(word)) if is(word, "undefined") => Some(None),
            Some(Token::Word(_) | Token::Sign(_)) | None => None,
        };
        if let Some(constant) = constant {
            self.next += 1;
            return Ok(Expression::Constant(constant));
        }
        self.path().map(Expression::Path)
    }

    fn array(&mut self) -> Parsed<Expression> {
        let mut elements = Vec::new();
        while !self.takes_sign("]") {
            if !elements.is_empty() {
                self.sign(",", "',' or ']'")?;
            }
            elements.push(self.sum()?);
        }
        Ok(Expression::Array(elements))
    }

    fn deeper(&mut self, part: fn(&mut Self) -> Parsed<Expression>) -> Parsed<Expression> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(QueryError::Depth);
        }
        let parsed = part(self);
        self.depth -= 1;
        parsed
    }

    fn path(&mut self) -> Parsed<Path> {
        let is_reserved = RESERVED.iter().any(|word| self.peeks_word(word));
        if is_reserved {
            return Err(self.missing("a property"));
        }
        let mut names = vec![self.word("a property")?];
        while self.takes_sign(".") {
            names.push(self.word("a property's name")?);
        }
        Ok(Path(names))
    }

    /// The name of the function that is called here.
    fn function(&self) -> Option<&str> {
        match self.tokens.get(self.next..)? {
            [(_, Token::Word(name)), (_, Token::Sign("(")), ..]
                if !RESERVED.iter().any(|word| is(word, name)) =>
            {
                Some(name)
            }
            _ => None,
        }
    }

    fn take(&mut self) -> Option<Token> {
        let (_, token) = self.tokens.get(self.next)?;
        self.next += 1;
        Some(token.clone())
    }

    fn peeks_word(&self, word: &str) -> bool {
        let token = self.tokens.get(self.next).map(|(_, token)| token);
        matches!(token, Some(Token::Word(found)) if is(found, word))
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is_there = self.peeks_word(word);
        self.next += usize::from(is_there);
        is_there
    }

    fn takes_sign(&mut self, sign: &str) -> bool {
        let token = self.tokens.get(self.next).map(|(_, token)| token);
        let is_there = matches!(token, Some(Token::Sign(found)) if *found == sign);
        self.next += usize::from(is_there);
        is_there
    }

    fn keyword(&mut self, word: &'static str) -> Parsed<()> {
        if self.takes_word(word) {
            return Ok(());
        }
        Err(self.missing(word))
    }

    fn sign(&mut self, sign: &str, wanted: &'static str) -> Parsed<()> {
        if self.takes_sign(sign) {
            return Ok(());
        }
        Err(self.missing(wanted))
    }

    fn word(&mut self, wanted: &'static str) -> Parsed<String> {
        let missing = self.missing(wanted);
        match self.take() {
            Some(Token::Word(word)) => Ok(word),
            Some(Token::Number(_) | Token::Text(_) | Token::Sign(_)) | None => Err(missing),
        }
    }

    fn is_over(&self) -> bool {
        self.next == self.tokens.len()
    }

    fn finish(&self) -> Parsed<()> {
        if self.is_over() {
            return Ok(());
        }
        Err(self.missing("the end"))
    }

    fn missing(&self, wanted: &'static str) -> QueryError {
        let at = self.tokens.get(self.next).map_or(self.end, |(at, _)| *at);
        QueryError::Missing { wanted, at }
    }
}
