// The German part of the shop.

import { item } from '../vocabulary.ts';
import type { Vocabulary } from '../vocabulary.ts';

export const german: Vocabulary = {
  language: 'de',
  share: 0.08,
  offsetMinutes: 60,
  names: ['{brand} {style} {noun}, {colour}', '{style} {noun} von {brand} in {colour}'],
  descriptions: [
    'Mit {feature} und {second}, aus {material}, ideal für {use}.',
    'Aus {material}, mit {feature}: der Favorit für {use}.',
  ],
  queries: ['{noun}', '{style} {noun}', '{noun} für {use}', '{noun} {colour}'],
  aisles: [
    {
      category: 'Audio',
      items: [
        item('Kopfhörer', 40, 350, 'kabellose', 'geräuschunterdrückende'),
        item('Lautsprecher', 30, 280, 'tragbare', 'wasserdichte'),
      ],
      features: [
        '40 Stunden Akkulaufzeit',
        'tiefem Bass',
        'eingebautem Mikrofon',
        'Schnellladefunktion',
      ],
      materials: ['recyceltem Kunststoff', 'gebürstetem Aluminium'],
      uses: ['das Fitnessstudio', 'Pendler', 'lange Flüge', 'das Homeoffice'],
    },
    {
      category: 'Footwear',
      items: [
        item('Laufschuhe', 60, 200, 'leichte', 'gedämpfte'),
        item('Wanderschuhe', 80, 280, 'wasserdichte', 'knöchelhohe'),
      ],
      features: ['rutschfester Sohle', 'atmungsaktivem Obermaterial', 'weicher Einlegesohle'],
      materials: ['Leder', 'recyceltem Polyester', 'Mesh und Gummi'],
      uses: ['das tägliche Training', 'steinige Wege', 'Regentage'],
    },
    {
      category: 'Jackets & Coats',
      items: [
        item('Winterjacke', 90, 400, 'warme', 'gefütterte'),
        item('Regenjacke', 50, 240, 'wasserdichte', 'leichte'),
      ],
      features: ['abnehmbarer Kapuze', 'warmem Futter', 'tiefen Taschen', 'winddichter Außenseite'],
      materials: ['Daunen', 'Merinowolle', 'recyceltem Nylon'],
      uses: ['kalte Tage', 'Bergtouren', 'nasses Wetter'],
    },
    {
      category: 'Kitchen',
      items: [
        item('Kaffeemaschine', 60, 800, 'vollautomatische', 'kompakte'),
        item('Bratpfanne', 20, 130, 'beschichtete', 'gusseiserne'),
        item('Brotdose', 12, 40, 'auslaufsichere', 'isolierte'),
      ],
      features: [
        'Milchaufschäumer',
        'gleichmäßiger Wärme',
        'spülmaschinenfester Oberfläche',
        'leisem Motor',
      ],
      materials: ['Edelstahl', 'Keramik', 'Borosilikatglas'],
      uses: ['kleine Küchen', 'das Sonntagsfrühstück', 'die ganze Familie'],
    },
    {
      category: 'Home & Living',
      items: [
        item('Schreibtischlampe', 20, 120, 'dimmbare', 'verstellbare'),
        item('Bettdecke', 40, 260, 'leichte', 'warme'),
        item('Lichterkette', 9, 45, 'solarbetriebene', 'warmweiße'),
      ],
      features: ['warmem Licht', 'abziehbarem Bezug', 'Zeitschaltuhr', 'schlichtem Design'],
      materials: ['Eichenholz', 'Baumwolle', 'Glas und Messing'],
      uses: ['gemütliche Abende', 'das Schlafzimmer', 'Leseratten'],
    },
    {
      category: 'Toys & Games',
      items: [
        item('Holzeisenbahn', 25, 150, 'große', 'bunte'),
        item('Puppe', 12, 70, 'weiche', 'handgenähte'),
      ],
      features: ['abgerundeten Kanten', 'leuchtenden Farben', 'Aufbewahrungsbeutel'],
      materials: ['Buchenholz', 'weichem Plüsch', 'stabiler Pappe'],
      uses: ['Kleinkinder', 'Familienabende', 'Geburtstage'],
    },
  ],
};
