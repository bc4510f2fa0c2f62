//! The words of a command, and what stands in them for something else.
use super::super::mentions::{has, place_of};
use super::{Lexer, assignment};

/// What ends a word.
const BORDERS: &[u8] = b" \t\n;&|)";

/// A longer range of numbers in braces is not looked for.
const LONGEST_RANGE: usize = 24;

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Part {
    /// This very text.
    Said(Vec<u8>),
    /// The value of the variable of this name.
    Value(Vec<u8>),
    /// What the function that runs was called with.
    Argument,
    /// A number that only the shell can tell.
    Number,
    /// What only the shell can tell: a word, several, or none.
    Unknown,
}

/// What a word ends in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ending {
    #[default]
    Plain,
    /// `()`, so that it names a function.
    Function,
    /// The list of an array, behind which no blank is needed.
    Array,
}

/// What of a word is quoted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Quotes {
    #[default]
    None,
    Some,
    /// All of it stands in one pair of double quotes.
    One,
}

/// What a word assigns.
pub(in super::super) struct Assigned<'w> {
    pub(in super::super) name: &'w [u8],
    /// The value, if it is said.
    pub(in super::super) value: Option<&'w [u8]>,
    /// Whether that is a number, said or not; whether the variable is a list then.
    pub(in super::super) is_number: bool,
    pub(in super::super) is_list: bool,
}

/// A word of a command.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Word {
    pub(in super::super) parts: Vec<Part>,
    pub(super) ending: Ending,
    quotes: Quotes,
    /// It may be several words, for the values in it are lists, or cut into pieces.
    pub(in super::super) spreads: bool,
    /// Its list would run code if it were a pattern.
    pub(super) is_hazardous: bool,
}

impl Word {
    /// The word that stands for the caller's home.
    pub(in super::super) fn home() -> Word {
        Word {
            parts: vec![Part::Value(b"HOME".to_vec())],
            ..Word::default()
        }
    }

    /// What it says, if nothing in it stands for something else.
    pub(in super::super) fn said(&self) -> Option<&[u8]> {
        match self.parts.as_slice() {
            [] => Some(b""),
            [Part::Said(text)] => Some(text),
            _ => None,
        }
    }

    /// What it says without any quote, as a reserved word must.
    pub(in super::super) fn bare(&self) -> Option<&[u8]> {
        self.said().filter(|_| self.quotes == Quotes::None)
    }

    /// The text that it begins with, whatever is behind that.
    pub(in super::super) fn beginning(&self) -> &[u8] {
        match self.parts.first() {
            Some(Part::Said(text)) => text,
            _ => b"",
        }
    }

    /// Whether a command of this name is a file, whatever the values in it are: there is a slash in its first word.
    pub(in super::super) fn is_path(&self) -> bool {
        let says = |part: &Part| matches!(part, Part::Said(text) if text.contains(&b'/'));
        self.beginning().contains(&b'/')
            || self.quotes == Quotes::One && !self.has_list() && self.parts.iter().any(says)
    }

    /// Whether a value in it is not kept from being more than text by quotes.
    pub(in super::super) fn is_loose(&self) -> bool {
        self.quotes != Quotes::One && self.said().is_none()
    }

    /// Whether it may turn out to be no word at all, so that the next one takes its place.
    pub(super) fn may_vanish(&self) -> bool {
        let says = |part: &Part| matches!(part, Part::Said(_));
        // A pattern takes what is joined to it along, and so may a list.
        self.has_list() || self.quotes == Quotes::None && !self.parts.iter().any(says)
    }

    /// Whether something in it may be several words, or none, in quotes too.
    fn has_list(&self) -> bool {
        let is_list = |part: &Part| matches!(part, Part::Argument | Part::Unknown);
        self.parts.iter().any(is_list)
    }

    /// What it assigns. `raw` is what the word was read from.
    pub(super) fn assignment<'w>(&'w self, raw: &'w [u8]) -> Option<Assigned<'w>> {
        let (name, _) = assignment(raw)?;
        let value = self.said().and_then(assignment).map(|(_, value)| value);
        let is_plain = raw.get(name.len()) == Some(&b'=');
        Some(Assigned {
            name,
            value: value.filter(|_| is_plain),
            is_number: self.assigns_number(),
            is_list: self.ending == Ending::Array || raw.get(name.len()) == Some(&b'['),
        })
    }

    /// Whether what stands behind the `=` in it is a number.
    pub(in super::super) fn assigns_number(&self) -> bool {
        let said = self.beginning();
        // What is added to `Inf` makes a name of it.
        let Some((_, value)) =
            assignment(said).filter(|(name, _)| said.get(name.len()) == Some(&b'='))
        else {
            return false;
        };
        let mut parts = self.parts.clone();
        parts[0] = Part::Said(value.to_vec());
        let value = Word {
            parts,
            ..Word::default()
        };
        value.operand().is_none()
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if let Some(Part::Said(text)) = self.parts.last_mut() {
            text.extend_from_slice(bytes);
        } else {
            self.parts.push(Part::Said(bytes.to_vec()));
        }
    }

    pub(super) fn add(&mut self, part: Part) {
        match part {
            Part::Said(text) => self.push(&text),
            other => self.parts.push(other),
        }
    }
}

impl Lexer<'_> {
    /// Whether a word would end here.
    pub(super) fn ends_word(&self) -> bool {
        self.peek().is_none_or(|byte| BORDERS.contains(&byte)) || self.redirects()
    }

    /// Reads a word, which may be empty.
    pub(super) fn word(&mut self) -> Option<Word> {
        let start = self.at;
        let mut word = Word::default();
        while let Some(byte) = self
            .peek()
            .filter(|_| word.ending != Ending::Array && !self.ends_word())
        {
            match byte {
                b'\\' => {
                    word.quotes = Quotes::Some;
                    self.at += 1;
                    // A joined line makes one word of two, and of signs that would be read one by one.
                    let escaped = self.peek().filter(|byte| *byte != b'\n')?;
                    self.has_quoted_values |= self.rest().starts_with(b"${");
                    word.push(&[escaped]);
                    self.at += 1;
                }
                b'\'' => {
                    word.quotes = Quotes::Some;
                    self.at += 1;
                    let length = place_of(b'\'', self.rest())?;
                    let text = &self.code[self.at..self.at + length];
                    self.has_quoted_values |= has(text, b"${");
                    word.push(text);
                    self.at += length + 1;
                }
                b'"' => {
                    let is_first = self.at == start;
                    self.double_quotes(&mut word)?;
                    let is_all = is_first && self.ends_word();
                    word.quotes = if is_all { Quotes::One } else { Quotes::Some };
                }
                b'`' => {
                    self.backticks()?;
                    word.spreads = true;
                    word.add(Part::Unknown);
                }
                b'$' => {
                    let from = self.at;
                    let part = self.dollar(false)?;
                    word.spreads |= part == Part::Unknown || self.is_list(from);
                    word.add(part);
                }
                b'(' => self.inner_parentheses(start, &mut word)?,
                b'~' if self.at == start && self.is_home() => {
                    self.at += 1;
                    word.add(Part::Value(b"HOME".to_vec()));
                }
                b'<' | b'>' => {
                    self.at += 1;
                    if self.peek() == Some(b'(') {
                        self.subshell(true)?;
                    } else {
                        // A range of numbers.
                        self.at += place_of(b'>', self.rest())? + 1;
                    }
                    word.add(Part::Unknown);
                }
                b'=' if self.at == start => {
                    self.at += 1;
                    if self.ends_word() {
                        word.push(b"=");
                    } else {
                        word.spreads = true;
                        word.add(Part::Unknown);
                    }
                }
                b'{' if self.range().is_some() => {
                    word.spreads = true;
                    self.at += self.range()?;
                    word.add(Part::Number);
                }
                b'{' | b'}' | b'[' | b']' if self.is_plain(start) => {
                    while !self.ends_word() {
                        word.push(&[byte]);
                        self.at += 1;
                    }
                }
                b'~' | b'*' | b'?' | b'^' | b'#' | b'{' | b'}' | b'[' | b']' => {
                    self.at += 1;
                    word.spreads = true;
                    word.add(Part::Unknown);
                }
                _ => {
                    let rest = self.rest();
                    let is_plain = |b: &u8| b.is_ascii_alphanumeric() || b"_-./:,%+@=!".contains(b);
                    let length = rest.iter().take_while(|b| is_plain(b)).count().max(1);
                    word.push(&self.code[self.at..self.at + length]);
                    self.at += length;
                }
            }
        }
        Some(word)
    }

    /// How long the list of numbers is that stands here as in `{1..5}`.
    fn range(&self) -> Option<usize> {
        let inner = self.rest().strip_prefix(b"{")?;
        let inner = &inner[..inner.len().min(LONGEST_RANGE)];
        let length = place_of(b'}', inner)?;
        let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
        let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        let inner = &inner[..length];
        let dots = inner.windows(2).position(|pair| pair == b"..")?;
        let is_range =
            inner.iter().all(is_part) && digits(&inner[..dots]) && digits(&inner[dots + 2..]);
        is_range.then_some(length + 2)
    }

    /// Whether the parameter from `start` up to here may be several words in quotes too.
    pub(super) fn is_list(&self, start: usize) -> bool {
        let read = &self.code[start..self.at];
        let is_value = read.starts_with(b"${") && !read.starts_with(b"${#");
        is_value && read.iter().any(|byte| b"@(=^".contains(byte))
            || matches!(read, b"$@" | b"$*" | b"${*}")
            || self.peek() == Some(b'[')
    }

    /// Whether `~` stands for the caller's home here.
    fn is_home(&self) -> bool {
        match self.code.get(self.at + 1) {
            None | Some(b'/') => true,
            Some(next) => BORDERS.contains(next),
        }
    }

    /// Whether the word that begins here is a brace or bracket that stands for itself: `{`, `}`, `[`, `[[`, `]]`, `]`.
    fn is_plain(&self, start: usize) -> bool {
        let (byte, rest) = (self.code[start], &self.code[start + 1..]);
        let rest = match rest {
            [second, rest @ ..] if *second == byte && b"[]".contains(&byte) => rest,
            _ => rest,
        };
        self.at == start && rest.first().is_none_or(|next| BORDERS.contains(next))
    }
}
