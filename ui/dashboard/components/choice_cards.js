let number = 0

export function render({ model }) {
  const name = `cards-${++number}`
  const group = document.createElement('fieldset')
  group.className = 'at cards'
  const legend = document.createElement('legend')
  legend.className = 'hidden'

  function draw() {
    legend.textContent = model.label
    group.replaceChildren(
      legend,
      ...model.cards.map(({ value, title, text, note }) => {
        const card = document.createElement('label')
        card.className = 'card box'
        const radio = document.createElement('input')
        Object.assign(radio, { type: 'radio', name, value, checked: value === model.value })
        radio.setAttribute('aria-label', title)
        radio.addEventListener('change', () => { model.value = value })
        card.append(radio)
        for (const [tag, words] of [['b', title], ['span', text], ['strong', note]]) {
          if (!words) continue
          const part = document.createElement(tag)
          part.textContent = words
          card.append(part)
          if (tag !== 'b') {
            part.id = `${name}-${value}-${tag}`
            radio.setAttribute('aria-describedby', `${radio.getAttribute('aria-describedby') || ''} ${part.id}`.trim())
          }
        }
        return card
      })
    )
  }

  function choose() {
    for (const radio of group.querySelectorAll('input')) radio.checked = radio.value === model.value
  }
  model.on('cards', draw)
  model.on('value', choose)
  draw()
  return group
}
