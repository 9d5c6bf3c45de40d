import classes from "./ui.module.css";

/** Short words in a row, such as the features of an isolation; nothing where there are none. */
export function WordList({ words }: { words: readonly string[] }) {
  if (words.length === 0) return null;
  return (
    <ul className={classes.words}>
      {words.map((word) => (
        <li key={word}>{word}</li>
      ))}
    </ul>
  );
}
